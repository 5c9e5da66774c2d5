/// The characters that byte-level tokenizers write bytes as (Radford et al. 2019): printable ones for themselves,
/// the others from U+0100 on.
enum ByteAlphabet {
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { (byte: UInt32) in
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
        return Unicode.Scalar(UInt8(byte))
      }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()

  /// The same characters as UTF-8.
  static let utf8: [[UInt8]] = characters.map { Array(String($0).utf8) }

  private static let bytes = Dictionary(
    uniqueKeysWithValues: characters.enumerated().map { ($0.element, UInt8($0.offset)) })

  /// The bytes that a token's text stands for; `nil` if a character is not of the alphabet.
  static func decode(_ token: String) -> [UInt8]? {
    var decoded: [UInt8] = []
    for scalar in token.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      decoded.append(byte)
    }
    return decoded
  }
}
