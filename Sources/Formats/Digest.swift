import CCrypto
import HybridizeCore

/// SHA-256 of bytes that come in pieces. The work is libcrypto's, which uses the processor's own instructions.
public final class SHA256 {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      fatalError("libcrypto has no SHA-256")  // it always has; only memory can be missing
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Takes the next bytes.
  ///
  /// - Precondition: `finish` has not been called.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    let done = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(done == 1, "update after finish")
  }

  /// The digest in 64 lower-case hexadecimal digits. Called once.
  public func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let done = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(done == 1, "finish twice")
    return digest.map(hexadecimal).joined()
  }

  /// The digest of `bytes`.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> String {
    let hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }

  /// The digest of a text's UTF-8.
  public static func hash(text: String) -> String { Array(text.utf8).withUnsafeBytes { hash($0) } }

  /// The digest of a file, read in pieces of 4 MiB.
  ///
  /// - Throws: `.unreadable`, `.truncatedData` if the file is shortened meanwhile.
  public static func hash(file path: String) throws(HybridizeError) -> String { try hash(HostFile(path)) }

  /// The same of a file that is open.
  ///
  /// - Throws: `.unreadable`, `.truncatedData` if the file is shortened meanwhile.
  static func hash(_ file: HostFile) throws(HybridizeError) -> String {
    let piece = OwnedBytes(count: min(file.size, 4 << 20))
    let hash = SHA256()
    var offset = 0
    while offset < file.size {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(file.size - offset))
      try file.read(at: offset, into: part)
      hash.update(UnsafeRawBufferPointer(part))
      offset += part.count
    }
    return hash.finish()
  }
}

extension StoredTensor {
  /// The SHA-256 of the tensor's bytes.
  package var sha256: String { withExtendedLifetime(self) { SHA256.hash(bytes) } }
}
