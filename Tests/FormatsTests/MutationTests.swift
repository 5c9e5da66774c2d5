import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a damaged safetensors file")
struct MutationTests {
  @Test("is refused or read soundly, and never traps", arguments: UInt64(0)..<16)
  func mutated(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "mutation")
    let directory = TemporaryDirectory()
    let sources =
      HostileFile.corpus.filter { $0.bytes.count < 4096 }.map(\.bytes)
      + [try FileSystem.read(ReferenceFile.path, limit: 4096)]
    var refused = 0
    for _ in 0..<150 {
      var bytes = sources[random.index(below: sources.count)]
      for _ in 0...random.index(below: 3) { Self.mutate(&bytes, &random) }
      let path = directory.write("mutant.safetensors", bytes)
      do {
        try checkTensorReader(try SafetensorsReader(path))
      } catch let error as HybridizeError {
        #expect(error.category == .inputFile, "seed \(seed)")
        refused += 1
      }
    }
    #expect(refused > 100, "mutations do damage")
  }

  private static let tokens = [
    "{", "}", "[", "]", ",", ":", "\"", "0", "-", "1e9", "null", "9223372036854775807", "\\u",
  ]

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    let place = random.index(below: bytes.count + 1)
    switch random.index(below: 6) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.index(below: 8))
    case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.index(below: 8)))
    case 2: bytes.insert(contentsOf: tokens[random.index(below: tokens.count)].utf8, at: place)
    case 3 where bytes.count >= 8: bytes[random.index(below: 8)] = UInt8(random.index(below: 256))
    case 4: bytes += (0..<random.index(below: 16)).map { _ in UInt8(random.index(below: 256)) }
    default: repairLength(&bytes)
    }
  }

  /// Makes the length fit the closing brace again, so that damage gets past the framing.
  private static func repairLength(_ bytes: inout [UInt8]) {
    guard bytes.count > 8, let brace = bytes.lastIndex(of: UInt8(ascii: "}")), brace > 8 else { return }
    bytes.replaceSubrange(0..<8, with: SafetensorsBytes.prefix(UInt64(brace - 7)))
  }
}
