import HybridizeCore

extension TokenizerFile {
  /// What the package calls a step, and its fields.
  private static func step(
    _ value: JSONValue, _ field: String
  ) throws(HybridizeError) -> (type: String, fields: JSONObject) {
    guard let fields = value.objectValue, let type = fields["type"]?.stringValue else {
      throw HybridizeError(.wrongField, expected: "\(field): an object with a type", found: value.kind)
    }
    return (type, fields)
  }

  private static func steps(_ fields: JSONObject, _ name: String, _ field: String) throws(HybridizeError) -> [JSONValue]
  {
    guard let steps = fields[name]?.arrayValue else {
      throw HybridizeError(.missingField, expected: "\(field).\(name): an array")
    }
    return steps
  }

  private static func text(_ fields: JSONObject, _ name: String, _ field: String) throws(HybridizeError) -> String {
    guard let text = fields[name]?.stringValue else {
      throw HybridizeError(.missingField, expected: "\(field).\(name): a string", found: fields[name]?.kind)
    }
    return text
  }

  private static func scalar(
    _ fields: JSONObject, _ name: String, _ field: String
  ) throws(HybridizeError) -> Unicode.Scalar {
    let scalars = try text(fields, name, field).unicodeScalars
    guard let scalar = scalars.first, scalars.count == 1 else {
      throw HybridizeError(.wrongField, expected: "\(field).\(name): one character")
    }
    return scalar
  }

  private static func pattern(_ fields: JSONObject, _ field: String) throws(HybridizeError) -> TokenPattern {
    let pattern = fields["pattern"]?.objectValue
    if let expression = pattern?["Regex"]?.stringValue { return .expression(try RegularExpression(expression)) }
    guard let text = pattern?["String"]?.stringValue else {
      throw HybridizeError(.missingField, expected: "\(field).pattern: a String or a Regex")
    }
    // As an expression, nothing is found between all characters.
    return text.isEmpty ? .expression(try RegularExpression("")) : .text(Array(text.utf8))
  }

  // MARK: Normalizers

  static func normalizer(_ value: JSONValue?) throws(HybridizeError) -> TextNormalizer? {
    guard let value, !value.isNull else { return nil }
    let (type, fields) = try step(value, "normalizer")
    if let form = UnicodeForm(rawValue: type) { return .unicode(form) }
    switch type {
    case "Lowercase": return .lowercase
    case "StripAccents": return .stripAccents
    case "Nmt": return .nmt
    case "ByteLevel": return .byteLevel
    case "Strip":
      return .strip(left: fields["strip_left"]?.boolValue ?? true, right: fields["strip_right"]?.boolValue ?? true)
    case "Prepend": return .prepend(Array(try text(fields, "prepend", "normalizer").utf8))
    case "Replace":
      return .replace(try pattern(fields, "normalizer"), Array(try text(fields, "content", "normalizer").utf8))
    case "Precompiled":
      guard let map = fields["precompiled_charsmap"], !map.isNull else { return nil }
      guard let bytes = map.stringValue.flatMap(Base64.decode) else {
        throw HybridizeError(.wrongField, expected: "normalizer.precompiled_charsmap: Base64", found: map.kind)
      }
      return bytes.isEmpty ? nil : .precompiled(try CharacterMap(bytes[...]))
    case "Sequence":
      var all: [TextNormalizer] = []
      for value in try steps(fields, "normalizers", "normalizer") {
        if let one = try normalizer(value) { all.append(one) }
      }
      return all.isEmpty ? nil : .sequence(all)
    default: throw unsupported("normalizer", value, "one that causal language models have")
    }
  }

  // MARK: Pre-tokenizers

  static func preTokenizer(_ value: JSONValue?) throws(HybridizeError) -> [PreTokenizer] {
    guard let value, !value.isNull else { return [] }
    let field = "pre_tokenizer"
    let (type, fields) = try step(value, field)
    switch type {
    case "Sequence":
      var all: [PreTokenizer] = []
      for value in try steps(fields, "pretokenizers", field) { all += try preTokenizer(value) }
      return all
    case "ByteLevel":
      var all: [PreTokenizer] = fields["add_prefix_space"]?.boolValue ?? true ? [.prefixSpace] : []
      if fields["use_regex"]?.boolValue ?? true { all.append(.scan(.gpt2)) }
      return all + [.byteAlphabet]
    case "Split":
      let behavior = try behavior(fields, field)
      let inverted = fields["invert"]?.boolValue ?? false
      // Known patterns match all of a text, so that nothing is left to be removed between their matches.
      if let expression = fields["pattern"]?.objectValue?["Regex"]?.stringValue,
        let known = SplitPattern(regularExpression: expression),
        behavior == .isolated || (behavior == .removed && inverted)
      {
        return [.scan(known)]
      }
      return [.split(try pattern(fields, field), behavior, inverted: inverted)]
    case "Digits":
      return [.characters(.numeric, fields["individual_digits"]?.boolValue ?? false ? .isolated : .contiguous)]
    case "Punctuation":
      return [.characters(.punctuation, fields["behavior"] == nil ? .isolated : try behavior(fields, field))]
    case "Whitespace": return [.words]
    case "WhitespaceSplit": return [.characters(.whiteSpace, .removed)]
    case "CharDelimiterSplit": return [.characters(.scalar(try scalar(fields, "delimiter", field)), .removed)]
    case "Metaspace":
      let scheme = try prependScheme(fields, field)
      let mark = Array(String(try scalar(fields, "replacement", field)).utf8)
      return [
        .metaspace(
          PreTokenizer.Metaspace(replacement: mark, scheme: scheme, splits: fields["split"]?.boolValue ?? true))
      ]
    default: throw unsupported(field, value, "one that causal language models have")
    }
  }

  private static func behavior(_ fields: JSONObject, _ field: String) throws(HybridizeError) -> SplitBehavior {
    let name = try text(fields, "behavior", field)
    guard let behavior = SplitBehavior(rawValue: name) else {
      throw HybridizeError(
        .wrongField, expected: "\(field).behavior: Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
        found: name)
    }
    return behavior
  }

  private static func prependScheme(
    _ fields: JSONObject, _ field: String
  ) throws(HybridizeError) -> PreTokenizer.Metaspace.PrependScheme {
    let name = fields["prepend_scheme"]?.stringValue
    guard let scheme = PreTokenizer.Metaspace.PrependScheme(rawValue: name ?? "always") else {
      throw HybridizeError(.wrongField, expected: "\(field).prepend_scheme: always, first or never", found: name)
    }
    guard fields["add_prefix_space"]?.boolValue == false else { return scheme }
    guard name == nil || scheme == .never else {
      throw HybridizeError(
        .wrongField, expected: "\(field).prepend_scheme: never, as add_prefix_space is false", found: name)
    }
    return .never
  }

  // MARK: Decoders

  static func decoder(_ value: JSONValue?) throws(HybridizeError) -> TokenDecoder? {
    guard let value, !value.isNull else { return nil }
    let field = "decoder"
    let (type, fields) = try step(value, field)
    switch type {
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "BPEDecoder": return .wordSuffix(fields["suffix"]?.stringValue ?? "</w>")
    case "Strip":
      // No token is longer, so a larger number says no more.
      return .strip(
        try scalar(fields, "content", field), start: min(max(0, fields["start"]?.integerValue ?? 0), 1 << 20),
        stop: min(max(0, fields["stop"]?.integerValue ?? 0), 1 << 20))
    case "Replace": return .replace(try pattern(fields, field), Array(try text(fields, "content", field).utf8))
    case "Metaspace":
      return .metaspace(try scalar(fields, "replacement", field), prepends: try prependScheme(fields, field) != .never)
    case "Sequence":
      var all: [TokenDecoder] = []
      for value in try steps(fields, "decoders", field) { if let one = try decoder(value) { all.append(one) } }
      return .sequence(all)
    default: throw unsupported(field, value, "one that causal language models have")
    }
  }

  // MARK: Post-processors

  /// What is put in front of the tokens of a text and behind them.
  static func postProcessor(_ value: JSONValue?) throws(HybridizeError) -> (prefix: [Int], suffix: [Int]) {
    guard let value, !value.isNull else { return ([], []) }
    let field = "post_processor"
    let (type, fields) = try step(value, field)
    switch type {
    case "ByteLevel": return ([], [])
    case "Sequence":
      var (prefix, suffix): ([Int], [Int]) = ([], [])
      for value in try steps(fields, "processors", field) {
        let outer = try postProcessor(value)
        // Behind one that has added something, the package takes a text for a pair of texts.
        guard (prefix + suffix).isEmpty || (outer.prefix + outer.suffix).isEmpty else {
          throw unsupported(field, value, "one post-processor that adds tokens")
        }
        prefix += outer.prefix
        suffix += outer.suffix
      }
      return (prefix, suffix)
    case "TemplateProcessing": return try template(fields, field)
    case "BertProcessing", "RobertaProcessing":
      func id(_ name: String) throws(HybridizeError) -> Int {
        guard let id = fields[name]?.arrayValue?.last?.integerValue else {
          throw HybridizeError(.missingField, expected: "\(field).\(name): a token and its id")
        }
        return id
      }
      return ([try id("cls")], [try id("sep")])
    default: throw unsupported(field, value, "one that causal language models have")
    }
  }

  private static func template(_ fields: JSONObject, _ field: String) throws(HybridizeError) -> (
    prefix: [Int], suffix: [Int]
  ) {
    var (prefix, suffix): ([Int], [Int]) = ([], [])
    var isBehind = false
    for piece in try steps(fields, "single", field) {
      if let sequence = piece["Sequence"] {
        guard !isBehind, sequence["id"]?.stringValue == "A" else {
          throw unsupported("\(field).single", piece, "the text once")
        }
        isBehind = true
      } else if let name = piece["SpecialToken"]?["id"]?.stringValue {
        guard let list = fields["special_tokens"]?[name]?["ids"]?.arrayValue,
          case let ids = list.compactMap(\.integerValue),
          ids.count == list.count
        else { throw HybridizeError(.missingField, expected: "\(field).special_tokens: the ids of \(name)") }
        if isBehind { suffix += ids } else { prefix += ids }
      } else {
        throw HybridizeError(.wrongField, expected: "\(field).single: SpecialToken or Sequence", found: piece.kind)
      }
    }
    guard isBehind else { throw HybridizeError(.wrongField, expected: "\(field).single: the text, Sequence A") }
    return (prefix, suffix)
  }
}

extension JSONValue {
  /// A member of an object; `nil` for a value that is none.
  fileprivate subscript(name: String) -> JSONValue? { objectValue?[name] }
}
