import HybridizeCore
import HybridizeFormats

/// Writes a token file from its first document to its last; it is there when all of it is.
final class TokenFileWriter {
  private let file: AtomicFile
  private let origin: TokenOrigin
  private let idBytes: Int
  private let digest = SHA256()
  private var ends: [UInt64] = []
  private var tokenCount = 0

  /// - Parameter idBytes: 2 or 4.
  /// - Throws: `.cannotWrite`.
  init(_ path: String, of origin: TokenOrigin, idBytes: Int) throws(HybridizeError) {
    file = try AtomicFile(path, replacing: true)
    self.origin = origin
    self.idBytes = idBytes
  }

  var isEmpty: Bool { ends.isEmpty }

  /// Adds a document, given as what `packed` makes of its ids.
  ///
  /// - Throws: `.cannotWrite`.
  func append(_ document: [UInt8]) throws(HybridizeError) {
    tokenCount += document.count / idBytes
    ends.append(UInt64(tokenCount))
    try write(document)
  }

  /// - Throws: `.cannotWrite`.
  func commit() throws(HybridizeError) {
    let padding = TokenFileDescription.endsOffset(tokens: tokenCount, idBytes: idBytes) - tokenCount * idBytes
    try write([UInt8](repeating: 0, count: padding))
    try write(Self.bytes(ends))
    try write(
      TokenFileDescription.bytes(origin, idBytes: idBytes, documents: ends.count, tokens: tokenCount))
    try write(Array(digest.finish().utf8), isDigest: true)
    _ = try file.commit()
  }

  private func write(_ bytes: [UInt8], isDigest: Bool = false) throws(HybridizeError) {
    try bytes.withBytes { (bytes) throws(HybridizeError) in
      if !isDigest { digest.update(bytes) }
      try file.write(bytes)
    }
  }

  /// The bytes of a document's ids.
  ///
  /// - Precondition: each fits.
  static func packed(_ ids: [Int], idBytes: Int) -> [UInt8] {
    idBytes == 2 ? bytes(ids.map { UInt16($0) }) : bytes(ids.map { UInt32($0) })
  }

  private static func bytes<Number: FixedWidthInteger & BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
    numbers.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }
}
