import HybridizeCore

/// What a tokenizer does to a text before it cuts it.
///
/// Each case is the normalizer of that name of the package `tokenizers`.
indirect enum TextNormalizer: Sendable {
  case unicode(UnicodeForm)
  case lowercase
  /// White space at the ends.
  case strip(left: Bool, right: Bool)
  /// Combining marks are left out.
  case stripAccents
  /// Controls are left out, all kinds of white space become spaces.
  case nmt
  case prepend([UInt8])
  case replace(TokenPattern, [UInt8])
  case precompiled(CharacterMap)
  /// Each byte becomes its character.
  case byteLevel
  case sequence([TextNormalizer])
  /// SentencePiece's own.
  case sentencePiece(SentencePieceNormalizer)

  /// What becomes of a text; `nil` if nothing changes.
  ///
  /// - Parameters:
  ///   - bytes: valid UTF-8; so is the result.
  ///   - continues: the text goes on behind others of its document, so that nothing is put in front.
  ///   - losesStart: becomes true if the first character of the result is not made of the first of the text: the package
  ///     takes such a text for one that goes on.
  /// - Throws: `.tokenizerPatternRunsAway`.
  func applied(
    to bytes: ArraySlice<UInt8>, continues: Bool, losesStart: inout Bool
  ) throws(HybridizeError) -> [UInt8]? {
    switch self {
    case .unicode(let form): return form.applied(to: bytes)
    case .lowercase: return Self.mapped(bytes, &losesStart) { $0 += $1.properties.lowercaseMapping.utf8 }
    case .strip(let left, let right):
      let stripped = Self.stripped(bytes, left: left, right: right)
      if stripped != nil, left, Self.stripped(bytes, left: true, right: false) != nil { losesStart = true }
      return stripped
    case .stripAccents:
      return Self.mapped(bytes, &losesStart) { (result, scalar) in
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: break
        default: result += UTF8.encode(scalar)!
        }
      }
    case .nmt:
      return Self.mapped(bytes, &losesStart) { $0 += Self.nmt($1).flatMap { UTF8.encode($0).map(Array.init) } ?? [] }
    case .prepend(let text): return bytes.isEmpty || continues ? nil : text + bytes
    case .replace(let pattern, let text):
      guard let (replaced, first) = try pattern.replaced(in: bytes, by: text) else { return nil }
      if first.lowerBound == 0, text.isEmpty || first.count > Self.characterLength(bytes.first) { losesStart = true }
      return replaced
    case .precompiled(let map): return map.applied(to: bytes)
    case .byteLevel: return bytes.flatMap { ByteAlphabet.utf8[Int($0)] }
    case .sentencePiece(let normalizer): return normalizer.applied(to: bytes, continues: continues)
    case .sequence(let steps):
      var result: [UInt8]?
      for step in steps {
        let changed = try step.applied(to: result?[...] ?? bytes, continues: continues, losesStart: &losesStart)
        if let changed { result = changed }
      }
      return result
    }
  }

  private static func mapped(
    _ bytes: ArraySlice<UInt8>, _ losesStart: inout Bool, _ body: (inout [UInt8], Unicode.Scalar) -> Void
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var isFirst = true
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      body(&result, scalar)
      if isFirst, result.isEmpty { losesStart = true }
      isFirst = false
    }
    return result
  }

  private static func characterLength(_ lead: UInt8?) -> Int {
    guard let lead, lead >= 0x80 else { return 1 }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
  }

  private static func stripped(_ bytes: ArraySlice<UInt8>, left: Bool, right: Bool) -> [UInt8]? {
    let text = ClassifiedText(bytes: Array(bytes))
    var range = 0..<text.bytes.count
    if left { range = text.run(from: 0, to: range.upperBound) { $0 == .space }..<range.upperBound }
    while right, !range.isEmpty {
      let last = text.lastCharacter(before: range.upperBound)
      guard text.character(at: last).kind == .space else { break }
      range = range.lowerBound..<last
    }
    return range.count == bytes.count ? nil : Array(text.bytes[range])
  }

  /// `nil` for a character that is left out.
  private static func nmt(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar.value {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: nil
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: " "
    default: scalar
    }
  }
}
