import HybridizeFormats

/// Builds HDF5 files byte by byte: a superblock of version 0, object headers of version 1, links as messages.
struct HDF5Bytes {
  typealias Message = (type: UInt8, body: [UInt8])

  /// Starts with room for the superblock.
  private(set) var bytes = [UInt8](repeating: 0, count: 96)

  /// A file with these links in its root group, and what `build` adds before.
  static func file(_ build: (inout HDF5Bytes) -> [Message]) -> [UInt8] {
    var file = HDF5Bytes()
    let links = build(&file)
    let root = file.append(links)
    return file.finish(root: root)
  }

  /// A file with one dataset `t`.
  static func dataset(_ build: (inout HDF5Bytes) -> [Message]) -> [UInt8] {
    file { file in
      let messages = build(&file)
      return [link("t", file.append(messages))]
    }
  }

  /// Where the next piece will be.
  var end: Int { bytes.count }

  mutating func append(data: [UInt8]) -> Int {
    let address = bytes.count
    bytes += data + [UInt8](repeating: 0, count: (8 - data.count % 8) % 8)
    return address
  }

  /// An object header.
  mutating func append(_ messages: [Message]) -> Int {
    var body: [UInt8] = []
    for message in messages {
      let padded = message.body + [UInt8](repeating: 0, count: (8 - message.body.count % 8) % 8)
      body += [message.type, 0] + Self.number(padded.count, 2) + [0, 0, 0, 0] + padded
    }
    let header =
      [1, 0] + Self.number(messages.count, 2) + Self.number(1, 4) + Self.number(body.count, 4) + [0, 0, 0, 0]
    return append(data: header + body)
  }

  func finish(root: Int) -> [UInt8] {
    var out = bytes
    let block =
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]
      + Self.number(0, 8) + Self.undefined + Self.number(out.count, 8) + Self.undefined + Self.number(0, 8)
      + Self.number(root, 8)
    out.replaceSubrange(0..<block.count, with: block)
    return out
  }

  static func number(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static let undefined = [UInt8](repeating: 0xFF, count: 8)

  // MARK: Links

  static func link(_ name: String, _ address: Int) -> Message {
    (6, [1, 0, UInt8(name.utf8.count)] + name.utf8 + number(address, 8))
  }

  static func soft(_ name: String, _ path: String) -> Message {
    (6, [1, 8, 1, UInt8(name.utf8.count)] + name.utf8 + number(path.utf8.count, 2) + path.utf8)
  }

  /// 64 is an external link.
  static func userLink(_ name: String, type: UInt8) -> Message {
    (6, [1, 8, type, UInt8(name.utf8.count)] + name.utf8 + number(12, 2) + [0] + "other.h5\0/x".utf8)
  }

  // MARK: Datasets

  static func space(_ dimensions: [Int]) -> Message {
    (1, [1, UInt8(dimensions.count), 0, 0, 0, 0, 0, 0] + dimensions.flatMap { number($0, 8) })
  }

  static let float32: Message = (
    3, [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]
  )

  static func contiguous(_ address: Int, _ size: Int) -> Message { (8, [3, 1] + number(address, 8) + number(size, 8)) }

  static func chunked(_ address: Int, _ shape: [Int], elementSize: Int = 4) -> Message {
    (8, [3, 2, UInt8(shape.count + 1)] + number(address, 8) + (shape + [elementSize]).flatMap { number($0, 4) })
  }

  static func filter(_ identifier: Int, values: [Int] = []) -> Message {
    (
      11,
      [1, 1, 0, 0, 0, 0, 0, 0] + number(identifier, 2) + [0, 0, 0, 0] + number(values.count, 2)
        + values.flatMap { number($0, 4) } + (values.count % 2 == 1 ? [0, 0, 0, 0] : [])
    )
  }

  /// A leaf of a tree over chunks.
  static func chunkTree(
    _ chunks: [(corner: [Int], address: Int, size: Int)], level: UInt8 = 0, signature: String = "TREE"
  ) -> [UInt8] {
    signature.utf8 + [1, level] + number(chunks.count, 2) + undefined + undefined
      + chunks.flatMap { chunk in
        number(chunk.size, 4) + number(0, 4) + (chunk.corner + [0]).flatMap { number($0, 8) } + number(chunk.address, 8)
      }
  }

  // MARK: Attributes

  static func attribute(_ name: String, type: Message, space: Message, data: [UInt8]) -> Message {
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8) }
    return (
      12,
      [1, 0] + number(name.utf8.count + 1, 2) + number(type.body.count, 2) + number(space.body.count, 2)
        + padded(name.utf8 + [0]) + padded(type.body) + padded(space.body) + data
    )
  }

  static let variableString: Message = (3, [0x19, 1, 0, 0, 16, 0, 0, 0] + float32.body)
  static let byteString: Message = (3, [0x13, 0, 0, 0, 1, 0, 0, 0])

  /// An attribute with a text of fixed length.
  static func text(_ name: String, _ text: String) -> Message {
    attribute(
      name, type: (3, [0x13, 0, 0, 0] + number(text.utf8.count, 4)), space: (1, [1, 0, 0, 0, 0, 0, 0, 0]),
      data: Array(text.utf8))
  }
}
