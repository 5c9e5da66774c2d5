import HybridizeCore

/// How the texts of tokens become text again.
///
/// Each case is the decoder of that name of the package `tokenizers`.
indirect enum TokenDecoder: Sendable {
  case byteLevel
  /// Tokens of the form `<0x41>` are bytes; those of a run that are no UTF-8 become U+FFFD each.
  case byteFallback
  case fuse
  /// A character, at the start and the end of each token at most so often.
  case strip(Unicode.Scalar, start: Int, stop: Int)
  case replace(TokenPattern, [UInt8])
  /// The replacement is a space, but at the start of the first token nothing, unless none is ever put there.
  case metaspace(Unicode.Scalar, prepends: Bool)
  /// The suffix of the last token of a word is a space, but at the end.
  case wordSuffix(String)
  case sequence([TokenDecoder])

  /// - Throws: `.tokenizerPatternRunsAway`.
  func decode(_ tokens: [String]) throws(HybridizeError) -> [String] {
    switch self {
    case .byteLevel:
      return [String(decoding: tokens.flatMap { ByteAlphabet.decode($0) ?? Array($0.utf8) }, as: UTF8.self)]
    case .byteFallback: return Self.byteFallback(tokens)
    case .fuse: return [tokens.joined()]
    case .strip(let scalar, let start, let stop): return tokens.map { Self.strip($0, scalar, start, stop) }
    case .replace(let pattern, let text):
      var result: [String] = []
      for token in tokens {
        let replaced = try pattern.replaced(in: Array(token.utf8)[...], by: text)
        result.append(replaced.map { String(decoding: $0.text, as: UTF8.self) } ?? token)
      }
      return result
    case .metaspace(let mark, let prepends):
      return tokens.enumerated().map { index, token in
        var text = String.UnicodeScalarView()
        for scalar in token.unicodeScalars {
          if scalar != mark { text.append(scalar) } else if index > 0 || !prepends { text.append(" ") }
        }
        return String(text)
      }
    case .wordSuffix(let suffix):
      let mark = TokenPattern.text(Array(suffix.utf8))
      var result: [String] = []
      for (index, token) in tokens.enumerated() {
        let replaced = try mark.replaced(
          in: Array(token.utf8)[...], by: index == tokens.count - 1 ? [] : [0x20])
        result.append(replaced.map { String(decoding: $0.text, as: UTF8.self) } ?? token)
      }
      return result
    case .sequence(let steps):
      var tokens = tokens
      for step in steps { tokens = try step.decode(tokens) }
      return tokens
    }
  }

  /// The bytes of a token within a text: what stands at its start alone is left as it is.
  ///
  /// - Throws: `.tokenizerPatternRunsAway`.
  func bytes(of token: String) throws(HybridizeError) -> [UInt8] {
    switch self {
    case .byteLevel: return ByteAlphabet.decode(token) ?? Array(token.utf8)
    case .sequence(let steps):
      var text = token
      for step in steps {
        switch step {
        case .byteFallback: if let byte = Self.byte(text) { return [byte] }
        case .strip, .fuse: break
        default: text = String(decoding: try step.bytes(of: text), as: UTF8.self)
        }
      }
      return Array(text.utf8)
    case .byteFallback: return Self.byte(token).map { [$0] } ?? Array(token.utf8)
    case .strip, .fuse: return Array(token.utf8)
    case .metaspace, .replace, .wordSuffix:
      // Between two others, as the first and the last are treated otherwise.
      let parts = try decode(["", token, ""])
      return Array(parts[1].utf8)
    }
  }

  /// Whether the text of tokens is that of each, one after the other, and only invalid UTF-8 is replaced.
  var isByteLevel: Bool {
    switch self {
    case .byteLevel: true
    case .sequence(let steps): steps.count == 1 && steps[0].isByteLevel
    default: false
    }
  }

  private static func byte(_ token: String) -> UInt8? {
    guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
    return UInt8(token.dropFirst(3).dropLast(), radix: 16)
  }

  private static func byteFallback(_ tokens: [String]) -> [String] {
    var result: [String] = []
    var bytes: [UInt8] = []
    func flush() {
      if let text = String(validating: bytes, as: UTF8.self) {
        if !bytes.isEmpty { result.append(text) }
      } else {
        result += Array(repeating: "\u{FFFD}", count: bytes.count)
      }
      bytes = []
    }
    for token in tokens {
      if let byte = byte(token) {
        bytes.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func strip(_ token: String, _ scalar: Unicode.Scalar, _ start: Int, _ stop: Int) -> String {
    var scalars = token.unicodeScalars[...]
    for _ in 0..<start { if scalars.first == scalar { scalars.removeFirst() } else { break } }
    for _ in 0..<stop { if scalars.last == scalar { scalars.removeLast() } else { break } }
    return String(scalars)
  }
}
