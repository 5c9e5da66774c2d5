/// Builds the bytes of gzip files by hand, from stored blocks.
package enum GzipBytes {
  /// A member with its checksum and length, and with a name if there is one.
  package static func member(_ content: [UInt8], name: String? = nil) -> [UInt8] {
    var bytes: [UInt8] = [0x1F, 0x8B, 8, name == nil ? 0 : 8, 0, 0, 0, 0, 0, 255]
    if let name { bytes += Array(name.utf8) + [0] }
    var rest = content[...]
    repeat {
      let part = rest.prefix(65_535)
      rest = rest.dropFirst(part.count)
      bytes += [rest.isEmpty ? 1 : 0] + number(UInt32(part.count), bytes: 2) + number(~UInt32(part.count), bytes: 2)
      bytes += part
    } while !rest.isEmpty
    return bytes + number(checksum(content), bytes: 4) + number(UInt32(content.count), bytes: 4)
  }

  private static func number(_ value: UInt32, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }

  /// The CRC of RFC 1952, bit by bit.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }
}
