import HybridizeCore

extension TemplateMethods {
  func ofText(_ name: String, _ text: String, _ arguments: TemplateArguments) throws(HybridizeError) -> TemplateValue {
    if name == "format" { return .string(try format(text, arguments)) }
    guard arguments.named.isEmpty || ["split", "rsplit", "splitlines"].contains(name) else {
      throw TemplateFault.failed("str.\(name)() takes no keyword arguments")
    }
    func bind(_ parameters: [String], required: Int = 0) throws(HybridizeError) -> [TemplateValue?] {
      try arguments.bind(parameters, required: required, of: "str.\(name)()")
    }
    switch name {
    case "strip", "lstrip", "rstrip":
      let characters = try bind(["chars"])[0].text("chars")
      return .string(PythonText.strip(text, characters, left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit": return try split(text, try bind(["sep", "maxsplit"]), fromRight: name == "rsplit")
    case "splitlines":
      let lines = PythonText.lines(text, keepsEnds: try bind(["keepends"])[0].flag())
      return try list(lines)
    case "partition", "rpartition":
      let separator = try required(try bind(["sep"], required: 1)[0], "sep")
      guard !separator.isEmpty else { throw TemplateFault.failed("empty separator") }
      return try partition(text, separator, fromRight: name == "rpartition")
    case "startswith", "endswith":
      return .boolean(
        try hasEnd(name, text, try bind(["\(name == "startswith" ? "pre" : "suf")fix", "start", "end"], required: 1)))
    case "removeprefix":
      let prefix = try required(try bind(["prefix"], required: 1)[0], "prefix")
      return .string(PythonText.hasPrefix(text, prefix) ? drop(text, prefix.utf8.count, 0) : text)
    case "removesuffix":
      let suffix = try required(try bind(["suffix"], required: 1)[0], "suffix")
      return .string(PythonText.hasSuffix(text, suffix) ? drop(text, 0, suffix.utf8.count) : text)
    case "replace":
      let values = try bind(["old", "new", "count"], required: 2)
      let count = try values[2].integer("count", default: -1)
      return .string(
        try replaced(text, try required(values[0], "old"), try required(values[1], "new"), count: count))
    case "join":
      var result = TemplateText(budget)
      for (index, element) in try (try bind(["iterable"], required: 1)[0] ?? .none).elements(budget).enumerated() {
        if index > 0 { try result.append(text) }
        guard let piece = element.text else {
          throw TemplateFault.failed("sequence item \(index): expected str instance, \(element.typeName) found")
        }
        try result.append(piece)
      }
      return .string(result.text)
    case "find", "rfind", "index", "rindex", "count":
      return try find(name, text, try bind(["sub", "start", "end"], required: 1))
    case "center", "ljust", "rjust": return try justified(name, text, try bind(["width", "fillchar"], required: 1))
    case "zfill":
      let width = try bind(["width"], required: 1)[0].integer("width", default: 0)
      let count = text.unicodeScalars.count
      guard width > count else { return .string(text) }
      try spend(width)
      let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
      let zeros = String(repeating: "0", count: width - count)
      return .string(isSigned ? String(text.prefix(1)) + zeros + text.dropFirst() : zeros + text)
    default:
      _ = try bind([])
      return try plain(name, text)
    }
  }

  /// Methods without arguments.
  private func plain(_ name: String, _ text: String) throws(HybridizeError) -> TemplateValue {
    func all(_ holds: (Unicode.Scalar) -> Bool) -> TemplateValue {
      .boolean(!text.isEmpty && text.unicodeScalars.allSatisfy(holds))
    }
    switch name {
    case "upper": return .string(PythonText.upper(text))
    case "lower": return .string(PythonText.lower(text))
    case "capitalize": return .string(PythonText.capitalized(text))
    case "title": return .string(PythonText.titled(text))
    case "swapcase": return .string(PythonText.swapped(text))
    case "islower": return .boolean(PythonText.isLower(text))
    case "isupper": return .boolean(PythonText.isUpper(text))
    case "isascii": return .boolean(text.utf8.allSatisfy { $0 < 0x80 })
    case "isspace": return all(PythonText.isSpace)
    case "isalpha": return all(PythonText.isLetter)
    case "isdecimal": return all(PythonText.isDecimal)
    case "isdigit": return all(PythonText.isDigit)
    case "isnumeric": return all(PythonText.isNumeric)
    case "isalnum": return all { PythonText.isLetter($0) || PythonText.isNumeric($0) }
    case "isprintable": return .boolean(text.unicodeScalars.allSatisfy(PythonText.isPrintable))
    default: throw TemplateFault.unsupported("the method '\(name)' of a str")
    }
  }

  // MARK: Parts

  private func required(_ value: TemplateValue?, _ name: String) throws(HybridizeError) -> String {
    guard let text = try value.text(name) else {
      throw TemplateFault.failed("the argument '\(name)' is a NoneType, expected a text")
    }
    return text
  }

  private func list(_ pieces: [String]) throws(HybridizeError) -> TemplateValue {
    try budget.spend(elements: pieces.count)
    return .list(try TemplateElements(pieces.map { .string($0) }))
  }

  private func drop(_ text: String, _ first: Int, _ last: Int) -> String {
    PythonText.slice(text.utf8, first..<text.utf8.count - last)
  }

  private func split(
    _ text: String, _ values: [TemplateValue?], fromRight: Bool
  ) throws(HybridizeError) -> TemplateValue {
    let most = try values[1].integer("maxsplit", default: -1)
    let limit = most < 0 ? nil : most
    guard let separator = try values[0].text("sep") else {
      return try list(PythonText.words(text, limit: limit, fromRight: fromRight))
    }
    guard !separator.isEmpty else { throw TemplateFault.failed("empty separator") }
    return try list(PythonText.pieces(text, by: separator, limit: limit, fromRight: fromRight))
  }

  private func partition(_ text: String, _ separator: String, fromRight: Bool) throws(HybridizeError) -> TemplateValue {
    let pieces = PythonText.pieces(text, by: separator, limit: 1, fromRight: fromRight)
    let parts =
      pieces.count == 2 ? [pieces[0], separator, pieces[1]] : fromRight ? ["", "", text] : [text, "", ""]
    return .tuple(try TemplateElements(parts.map { .string($0) }))
  }

  /// The part of a text between two places, as Python cuts it; and the first place.
  private func part(
    _ text: String, _ values: [TemplateValue?]
  ) throws(HybridizeError) -> (text: String, start: Int, isValid: Bool) {
    guard !(values[1]?.isNone ?? true) || !(values[2]?.isNone ?? true) else { return (text, 0, true) }
    let scalars = Array(text.unicodeScalars)
    func bounded(_ place: Int) -> Int { place < 0 ? max(0, place + scalars.count) : min(place, scalars.count) }
    let first = try values[1].integer("start", default: 0)
    let end = bounded(try values[2].integer("end", default: scalars.count))
    let start = bounded(first)
    // An empty text is found at the end, but not beyond it.
    guard start <= end, first <= scalars.count else { return ("", start, false) }
    return (TemplateFormat.string(scalars[start..<end]), start, true)
  }

  private func hasEnd(_ name: String, _ text: String, _ values: [TemplateValue?]) throws(HybridizeError) -> Bool {
    var ends = [values[0] ?? .none]
    if case .tuple(let several)? = values[0] { ends = several.items }
    let part = try part(text, values)
    for end in ends {
      if case .undefined(let message) = end { throw TemplateFault.failed(message) }
      guard let end = end.text else {
        throw TemplateFault.failed("\(name) first arg must be str or a tuple of str, not \(end.typeName)")
      }
      guard part.isValid else { continue }
      if name == "startswith" ? PythonText.hasPrefix(part.text, end) : PythonText.hasSuffix(part.text, end) {
        return true
      }
    }
    return false
  }

  private func find(_ name: String, _ text: String, _ values: [TemplateValue?]) throws(HybridizeError) -> TemplateValue
  {
    let sought = try required(values[0], "sub")
    let part = try part(text, values)
    try budget.spend(text: sought.utf8.count)
    if name == "count" {
      guard part.isValid else { return .integer(0) }
      return .integer(
        sought.isEmpty
          ? part.text.unicodeScalars.count + 1 : PythonText.occurrences(of: sought, in: part.text).count)
    }
    var place: Int?
    if part.isValid {
      if sought.isEmpty {
        place = name.hasPrefix("r") ? part.text.utf8.count : 0
      } else if name.hasPrefix("r") {
        place = PythonText.occurrences(of: sought, in: part.text, overlapping: true).last
      } else {
        place = PythonText.find(sought, in: part.text)
      }
    }
    guard let place else {
      if name.hasSuffix("index") { throw TemplateFault.failed("substring not found") }
      return .integer(-1)
    }
    return .integer(part.start + PythonText.position(ofByte: place, in: part.text))
  }

  private func justified(_ name: String, _ text: String, _ values: [TemplateValue?]) throws(HybridizeError)
    -> TemplateValue
  {
    let width = try values[0].integer("width", default: 0)
    let fill = try values[1].text("fillchar") ?? " "
    guard fill.unicodeScalars.count == 1, let fill = fill.first else {
      throw TemplateFault.failed("The fill character must be exactly one character long")
    }
    if name == "center" { return .string(try centered(text, width: width, fill: fill)) }
    let count = text.unicodeScalars.count
    guard width > count else { return .string(text) }
    try spend(width)
    let padding = String(repeating: fill, count: width - count)
    return .string(name == "ljust" ? text + padding : padding + text)
  }

  private func format(_ text: String, _ arguments: TemplateArguments) throws(HybridizeError) -> String {
    try TemplateFormat(budget).braces(text, arguments) {
      (value, name, isAttribute) throws(HybridizeError) in
      try isAttribute
        ? interpreter.attribute(of: value, name.text ?? "") : interpreter.element(of: value, name)
    }
  }
}
