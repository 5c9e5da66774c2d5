import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a damaged HDF5 file")
struct HDF5MutationTests {
  @Test("is refused or read soundly, and never traps", arguments: UInt64(0)..<16)
  func mutated(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "HDF5 mutation")
    let directory = TemporaryDirectory()
    let built = HostileHDF5.corpus.map(\.bytes).filter { !$0.isEmpty && $0.count < 4096 }
    let written = try ["types-old", "types-new", "groups-new", "attributes-old", "chunks-new", "chunks-v110"].map {
      try HDF5Fixtures.bytes($0 + ".h5")
    }
    var refused = 0
    for round in 0..<200 {
      let sources = round % 2 == 0 ? built : written
      var bytes = sources[random.index(below: sources.count)]
      for _ in 0...random.index(below: 3) { HDF5Mutations.mutate(&bytes, &random) }
      HDF5Mutations.repairChecksums(&bytes)
      if !HDF5Mutations.readAll(directory.write("mutant.h5", bytes)) { refused += 1 }
    }
    #expect(refused > 50, "mutations do damage")
  }
}

enum HDF5Mutations {
  /// Reads everything of a file; false if it is refused.
  static func readAll(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) -> Bool {
    do throws(HybridizeError) {
      let file = try HDF5File(path)
      for object in file.datasets {
        guard let dataset = object.dataset else { continue }
        let memory = try file.readAll(dataset)
        #expect(memory.bytes.count == dataset.byteCount, sourceLocation: sourceLocation)
      }
      return true
    } catch {
      #expect(error.category == .inputFile, sourceLocation: sourceLocation)
      return false
    }
  }

  static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard bytes.count > 16 else { return }
    let place = random.index(below: bytes.count - 8)
    switch random.index(below: 8) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.index(below: 8))
    case 2: bytes[place] = UInt8(random.index(below: 256))
    case 3:
      // An extreme number in place of a field.
      let number = [0, 1, 255, 65535, Int(UInt32.max), Int.max, -1, Int.min, bytes.count][random.index(below: 9)]
      let size = [2, 4, 8][random.index(below: 3)]
      bytes.replaceSubrange(place..<place + size, with: HDF5Bytes.number(number, size))
    case 4: bytes.removeLast(1 + random.index(below: bytes.count / 2))
    case 5: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.index(below: 8)))
    case 6:
      // One address in place of another, as cycles and overlaps are made.
      let other = random.index(below: bytes.count - 8)
      bytes.replaceSubrange(place..<place + 8, with: bytes[other..<other + 8])
    default: bytes[place] &+= 1
    }
  }

  /// Makes the checksums of structures of a known size right again, so that damage gets past them.
  static func repairChecksums(_ bytes: inout [UInt8]) {
    if bytes.count >= 48, bytes[8] >= 2 {
      seal(&bytes, 0, 44)
      // The end of the file too.
      bytes.replaceSubrange(28..<36, with: HDF5Bytes.number(bytes.count, 8))
      seal(&bytes, 0, 44)
    } else if bytes.count >= 48 {
      bytes.replaceSubrange(40..<48, with: HDF5Bytes.number(bytes.count, 8))
    }
    let sizes: [(signature: [UInt8], count: Int)] = [
      (Array("BTHD".utf8), 34), (Array("FRHP".utf8), 142), (Array("FAHD".utf8), 24), (Array("EAHD".utf8), 68),
    ]
    let header = Array("OHDR".utf8)
    var place = 0
    while place + 16 < bytes.count {
      guard bytes[place] == 0x4F || bytes[place] == 0x42 || bytes[place] == 0x46 || bytes[place] == 0x45 else {
        place += 1
        continue
      }
      let rest = bytes[place...]
      if rest.starts(with: header) {
        let flags = Int(bytes[place + 5])
        let prefix = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
        let width = 1 << (flags & 3)
        if width <= 4, place + prefix + width < bytes.count {
          let size = bytes[place + prefix..<place + prefix + width].reversed().reduce(0) { $0 << 8 | Int($1) }
          seal(&bytes, place, prefix + width + size)
        }
      }
      for known in sizes where rest.starts(with: known.signature) { seal(&bytes, place, known.count) }
      place += 1
    }
  }

  private static func seal(_ bytes: inout [UInt8], _ start: Int, _ count: Int) {
    guard start + count + 4 <= bytes.count else { return }
    let sum = HDF5Checksum.lookup3(bytes[start..<start + count])
    bytes.replaceSubrange(start + count..<start + count + 4, with: HDF5Bytes.number(Int(sum), 4))
  }
}
