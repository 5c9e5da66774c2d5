import HybridizeFormats
import TestSupport
import Testing

@Suite("SHA-256")
struct DigestTests {
  /// FIPS 180-2, appendix B, and the digest of nothing.
  @Test(
    "gives the published digests",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func known(_ text: String, _ digest: String) throws {
    #expect(Array(text.utf8).withUnsafeBytes { SHA256.hash($0) } == digest)
    let file = TemporaryDirectory()
    #expect(try SHA256.hash(file: file.write("a", text)) == digest)
    let pieces = SHA256()
    for byte in text.utf8 { [byte].withUnsafeBytes { pieces.update($0) } }
    #expect(pieces.finish() == digest)
  }

  @Test("of a file longer than a piece is that of its bytes")
  func longFile() throws {
    let directory = TemporaryDirectory()
    let bytes = (0..<(4 << 20) + 17).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(try SHA256.hash(file: directory.write("a", bytes)) == bytes.withUnsafeBytes { SHA256.hash($0) })
  }
}
