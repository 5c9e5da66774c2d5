import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a .keras archive")
struct ZipArchiveTests {
  private let directory = TemporaryDirectory()

  /// An archive with one stored member, with parts to change.
  private struct Archive {
    var name = "model.weights.h5"
    var data: [UInt8]
    var method = 0
    var flags = 0
    var size: Int?
    var copies = 1
    var comment: [UInt8] = []

    var bytes: [UInt8] {
      let n = HDF5Bytes.number
      let declared = size ?? data.count
      var local: [UInt8] = [0x50, 0x4B, 3, 4] + n(20, 2)
      local += n(flags, 2) + n(method, 2) + n(0, 4)
      let sizes = n(0, 4) + n(data.count, 4) + n(declared, 4) + n(name.utf8.count, 2)
      local += sizes + n(0, 2) + Array(name.utf8) + data
      var entry: [UInt8] = [0x50, 0x4B, 1, 2] + n(20, 2) + n(20, 2)
      entry += n(flags, 2) + n(method, 2) + n(0, 4) + sizes + n(0, 2) + n(0, 2)
      entry += n(0, 8) + n(0, 4) + Array(name.utf8)
      let list = (0..<copies).flatMap { _ in entry }
      var end: [UInt8] = [0x50, 0x4B, 5, 6] + n(0, 4) + n(copies, 2) + n(copies, 2)
      end += n(list.count, 4) + n(local.count, 4) + n(comment.count, 2) + comment
      return local + list + end
    }
  }

  private func open(_ archive: Archive) throws -> any TensorReader {
    try FormatRegistry.open(directory.write("model.keras", archive.bytes))
  }

  @Test("has its stored weights in place, with a comment or without", arguments: [0, 1000])
  func stored(_ comment: Int) throws {
    let data = try HDF5Fixtures.bytes("flat.h5")
    let reader = try open(Archive(data: data, comment: [UInt8](repeating: 0x20, count: comment)))
    try checkTensorReader(reader)
    #expect(reader.tensors.count == 7)
    #expect(HDF5Fixtures.numbers(try reader.bytes("a/b"), .float32) == HDF5Fixtures.values(1, 6))
  }

  @Test("is refused with the problem named after its fault")
  func faults() throws {
    let data = try HDF5Fixtures.bytes("flat.h5")
    expectProblem(.zipMissingMember) { try open(Archive(name: "config.json", data: data)) }
    expectProblem(.zipUnsupported, "encrypted") { try open(Archive(data: data, flags: 1)) }
    expectProblem(.zipUnsupported, "another method") { try open(Archive(data: data, method: 12)) }
    expectProblem(.zipDamaged, "sizes that differ") { try open(Archive(data: data, size: 10)) }
    expectProblem(.zipDamaged, "a member twice") { try open(Archive(data: data, copies: 2)) }
    expectProblem(.zipDamaged, "no deflate stream") { try open(Archive(data: data, method: 8)) }
    let bomb = expectProblem(.zipBomb) { try open(Archive(data: data, method: 8, size: 3 << 30)) }
    #expect(bomb?.remedy == "unpack model.weights.h5 and give that")
    expectProblem(.zipDamaged, "no list") {
      try FormatRegistry.open(directory.write("cut.keras", Array(Archive(data: data).bytes.dropLast(30))))
    }
    expectProblem(.hdf5NoSignature) { try open(Archive(data: Array("no HDF5 at all, but stored".utf8))) }
  }

  @Test("is refused when its compressed data is damaged")
  func damaged() throws {
    let bytes = try HDF5Fixtures.bytes("keras/deflated.keras")
    for place in stride(from: 600, to: bytes.count - 400, by: 501) {
      var damaged = bytes
      damaged[place] ^= 0x10
      expectProblem(.zipDamaged, "byte \(place)") {
        try FormatRegistry.open(directory.write("damaged.keras", damaged))
      }
    }
  }

  @Test("that is damaged is refused or read soundly, and never traps", arguments: UInt64(0)..<8)
  func mutated(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "zip mutation")
    let sources = [
      Archive(data: try HDF5Fixtures.bytes("flat.h5")).bytes, try HDF5Fixtures.bytes("keras/deflated.keras"),
    ]
    var refused = 0
    for round in 0..<60 {
      var bytes = sources[round % 2]
      // The headers at both ends, where the damage matters.
      for _ in 0...random.index(below: 2) {
        let place = random.index(below: 120)
        bytes[round % 3 == 0 ? place : bytes.count - 1 - place] = UInt8(random.index(below: 256))
      }
      do {
        try checkTensorReader(
          try FormatRegistry.open(directory.write("mutant.keras", bytes), formats: [HDF5Format.self]))
      } catch let error as HybridizeError {
        #expect(error.category == .inputFile)
        refused += 1
      }
    }
    #expect(refused > 20)
  }
}
