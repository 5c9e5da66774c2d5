/// Builds the bytes of zstd files by hand, right and wrong, from stored and repeated blocks.
package enum ZstdBytes {
  package static func number(_ value: UInt64, bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// A header; the window is 2^`windowLog`, from 10 on.
  package static func header(size: UInt64?, windowLog: Int = 17, hasChecksum: Bool = false) -> [UInt8] {
    let descriptor: UInt8 = (size == nil ? 0 : 0xC0) | (hasChecksum ? 4 : 0)
    return magic + [descriptor, UInt8((windowLog - 10) << 3)] + (size.map { number($0, bytes: 8) } ?? [])
  }

  package static func block(kind: UInt64, size: Int, isLast: Bool, _ content: [UInt8]) -> [UInt8] {
    number(UInt64(size) << 3 | kind << 1 | (isLast ? 1 : 0), bytes: 3) + content
  }

  /// A frame of stored blocks; `claims` is what it says of its size, `nil` for nothing.
  package static func frame(_ content: [UInt8], claims: UInt64?) -> [UInt8] {
    var frame = header(size: claims)
    var rest = content[...]
    repeat {
      let part = rest.prefix(128 << 10)
      rest = rest.dropFirst(part.count)
      frame += block(kind: 0, size: part.count, isLast: rest.isEmpty, Array(part))
    } while !rest.isEmpty
    return frame
  }

  /// A frame that says its size, which is right.
  package static func frame(_ content: [UInt8]) -> [UInt8] { frame(content, claims: UInt64(content.count)) }

  /// A frame of `count` times the same byte, after `start`.
  package static func repeated(_ byte: UInt8, _ count: Int, after start: [UInt8] = [], claims: UInt64?) -> [UInt8] {
    var frame = header(size: claims) + block(kind: 0, size: start.count, isLast: count == 0, start)
    var rest = count
    while rest > 0 {
      let part = min(rest, 128 << 10)
      rest -= part
      frame += block(kind: 1, size: part, isLast: rest == 0, [byte])
    }
    return frame
  }

  package static func skippable(_ content: [UInt8], number kind: UInt8 = 0, claims: Int? = nil) -> [UInt8] {
    [0x50 | kind, 0x2A, 0x4D, 0x18] + number(UInt64(claims ?? content.count), bytes: 4) + content
  }

  /// The entry of a seek table: compressed size, decompressed size, perhaps a checksum.
  package typealias Entry = (compressed: Int, content: Int, checksum: UInt32?)

  package static func table(_ entries: [Entry], count: Int? = nil, descriptor: UInt8? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      bytes += number(UInt64(entry.compressed), bytes: 4) + number(UInt64(entry.content), bytes: 4)
      if let checksum = entry.checksum { bytes += number(UInt64(checksum), bytes: 4) }
    }
    let flags = descriptor ?? (entries.first?.checksum == nil ? 0 : 0x80)
    bytes += number(UInt64(count ?? entries.count), bytes: 4) + [flags] + [0xB1, 0xEA, 0x92, 0x8F]
    return skippable(bytes, number: 0xE)
  }

  /// Frames and the table that describes them.
  package static func seekable(_ frames: [(bytes: [UInt8], content: Int)]) -> [UInt8] {
    frames.flatMap(\.bytes) + table(frames.map { ($0.bytes.count, $0.content, nil) })
  }
}
