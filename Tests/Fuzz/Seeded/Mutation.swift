import HybridizeCore

/// Damage to the bytes of a file: what bad disks, bad writers and bad people do.
enum Mutation {
  /// One to four kinds of damage, at random places. Half of the time the framing is then made right again, so that the
  /// damage gets past the first check.
  static func apply(to bytes: inout [UInt8], limit: Int, _ random: inout SeededGenerator) {
    for _ in 0...random.index(below: 4) { damage(&bytes, &random) }
    if bytes.count > limit { bytes.removeLast(bytes.count - limit) }
    if random.index(below: 2) == 0 { Framing.repair(&bytes) }
  }

  private static func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard bytes.count > 16 else {
      bytes += (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      return
    }
    let place = random.index(below: bytes.count - 8)
    switch random.index(below: 10) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.index(below: 8))
    case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 3: writeNumber(&bytes, at: place, &random)
    case 4: writeNumber(&bytes, at: random.index(below: 4) * 8 % (bytes.count - 8), &random)
    case 5: bytes.removeLast(1 + random.index(below: bytes.count / 2))
    case 6: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.index(below: 16)))
    case 7: bytes.insert(contentsOf: token(&random), at: place)
    case 8: replaceToken(&bytes, &random)
    default:
      // One piece in place of another, as cycles and overlaps are made.
      let from = random.index(below: bytes.count - 8)
      bytes.replaceSubrange(place..<place + 8, with: Array(bytes[from..<from + 8]))
    }
  }

  /// A number as an attacker would choose it, in place of a field of 2, 4 or 8 bytes.
  private static func writeNumber(_ bytes: inout [UInt8], at place: Int, _ random: inout SeededGenerator) {
    let numbers: [UInt64] = [
      0, 1, 2, 7, 8, 255, 256, 65535, 1 << 31, UInt64(UInt32.max), 1 << 60, 1 << 63, .max, .max - 7,
      UInt64(bytes.count),
      UInt64(bytes.count) - 8, 100_000_000, 100_000_001,
    ]
    let number = numbers[random.index(below: numbers.count)]
    for index in 0..<[2, 4, 8][random.index(below: 3)] {
      bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
    }
  }

  private static let tokens = [
    "{", "}", "[", "]", ",", ":", "\"", "0", "-", "-1", "1e9", "0.5", "null", "true", "9223372036854775807",
    "18446744073709551616", "\\u", "\\ud800", "\\u0000", "\"F4\"", "\"F32\"", "\"BOOL\"", "\"a\":", "[[[[[[[[",
    "\"data_offsets\":[0,0]", "\"__metadata__\":{}", "\u{FEFF}", " ",
    "{{", "}}", "{%-", "-%}", "{#", "|tojson", "|list", "[::-1]", "messages", "loop", " if ", " else ", " is ",
    "range(99999)", "*10**9", "~",
  ]

  private static func token(_ random: inout SeededGenerator) -> [UInt8] {
    Array(tokens[random.index(below: tokens.count)].utf8)
  }

  /// A run of digits or letters of a JSON text gives way to another token.
  private static func replaceToken(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    var start = random.index(below: bytes.count)
    guard isWord(bytes[start]) else { return }
    var end = start
    while start > 0, isWord(bytes[start - 1]) { start -= 1 }
    while end < bytes.count, isWord(bytes[end]) { end += 1 }
    bytes.replaceSubrange(start..<end, with: token(&random))
  }
}

/// What stands around the contents of a file and would have every mutant refused at once.
enum Framing {
  static func repair(_ bytes: inout [UInt8]) {
    if bytes.starts(with: [0x89, 0x48, 0x44, 0x46]) {
      repairHDF5(&bytes)
    } else if bytes.count > 9, bytes[8] == UInt8(ascii: "{"), let brace = bytes.lastIndex(of: UInt8(ascii: "}")),
      brace > 8
    {
      // The length of a safetensors header goes to its last brace.
      write(UInt64(brace - 7), to: &bytes, at: 0)
    }
  }

  /// The end of the file that a superblock of version 0 or 1 claims. (Versions 2 and 3 have checksums, which the tests of
  /// the reader repair.)
  private static func repairHDF5(_ bytes: inout [UInt8]) {
    guard bytes.count >= 48, bytes[8] < 2 else { return }
    write(UInt64(bytes.count), to: &bytes, at: 40)
  }

  private static func write(_ number: UInt64, to bytes: inout [UInt8], at place: Int) {
    for index in 0..<8 { bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index))) }
  }
}
