import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the checksums of a seek table")
struct ZstdChecksumTests {
  private let directory = TemporaryDirectory()

  /// Lengths on both sides of each step of the hash. libzstd's own checksum, at the end of each frame, is the truth.
  @Test("are those of libzstd, and are compared", arguments: [1, 3, 4, 7, 8, 15, 31, 32, 33, 63, 64, 100, 4099])
  func compared(_ count: Int) throws {
    let tensor = try TensorDescriptor(name: "t", elementType: .uint8, shape: [count])
    let writer = try ZstdSafetensorsWriter(directory.path("a"), tensors: [tensor])
    let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31 + 5) }
    try data.withUnsafeBytes { try writer.append($0, to: "t") }
    _ = try writer.finish()
    let file = directory.bytes("a")
    // The frames of header and data, as the table at the end says: two entries and a footer.
    let table = file.suffix(25)
    func number(_ place: Int) -> Int {
      (0..<4).reduce(0) { $0 | Int(table[table.startIndex + place + $1]) << (8 * $1) }
    }
    let ends = [number(0), number(0) + number(8)]
    func checksum(_ end: Int) -> UInt32 { file[(end - 4)..<end].reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    func rebuilt(_ flipped: UInt32) -> String {
      let entries: [ZstdBytes.Entry] = [
        (number(0), number(4), checksum(ends[0])), (number(8), number(12), checksum(ends[1]) ^ flipped),
      ]
      return directory.write("b", Array(file[..<ends[1]]) + ZstdBytes.table(entries))
    }
    #expect(try ZstdSafetensorsReader(rebuilt(0)).bytes("t") == data)
    let error = expectProblem(.zstdDamaged) { try ZstdSafetensorsReader(rebuilt(1 << 31)).bytes("t") }
    #expect(error?.tensor == "t")
  }
}
