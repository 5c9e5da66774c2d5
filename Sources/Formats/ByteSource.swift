import HybridizeCore

/// Bytes that are read as if they were a file: a file, a part of one, or memory.
package struct ByteSource: Sendable {
  private enum Storage: Sendable {
    case file(HostFile, FileMap)
    /// A tensor of bytes owns its memory.
    case memory(StoredTensor)
  }

  /// The file, for messages.
  package let path: String
  package let count: Int
  /// Where the bytes begin in the file; 0 for memory.
  package let origin: Int
  private let storage: Storage

  /// A whole file.
  ///
  /// - Throws: `.unreadable`.
  package init(_ file: HostFile) throws(HybridizeError) {
    self.init(file, map: try FileMap(file), range: 0..<file.size)
  }

  private init(_ file: HostFile, map: FileMap, range: Range<Int>) {
    path = file.path
    count = range.count
    origin = range.lowerBound
    storage = .file(file, map)
  }

  /// Memory that was made from the file `path`.
  package init(_ bytes: OwnedBytes, path: String) {
    self.path = path
    count = bytes.bytes.count
    origin = 0
    storage = .memory(
      StoredTensor(
        name: path, elementType: .uint8, shape: [bytes.bytes.count], bytes: UnsafeRawBufferPointer(bytes.bytes),
        owner: bytes))
  }

  /// A part of it as a source of its own.
  ///
  /// - Throws: `.truncatedData`.
  package func part(_ range: Range<Int>) throws(HybridizeError) -> ByteSource {
    try check(range.lowerBound, range.count)
    switch storage {
    case .file(let file, let map):
      return ByteSource(file, map: map, range: origin + range.lowerBound..<origin + range.upperBound)
    case .memory(let tensor):
      let copy = OwnedBytes(count: range.count)
      copy.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: tensor.bytes[range]))
      return ByteSource(copy, path: path)
    }
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: `.truncatedData`, `.unreadable`.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    try check(offset, buffer.count)
    switch storage {
    case .file(let file, _): try file.read(at: origin + offset, into: buffer)
    case .memory(let tensor):
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: tensor.bytes[offset..<offset + buffer.count]))
    }
  }

  /// `size` bytes from `offset` on; nothing is allocated for bytes that are not there.
  ///
  /// - Throws: `.truncatedData`, `.unreadable`.
  package func read(at offset: Int, count size: Int) throws(HybridizeError) -> [UInt8] {
    try check(offset, size)
    var bytes = [UInt8](repeating: 0, count: size)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(HybridizeError) in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// The bytes in place, and what keeps them there.
  ///
  /// - Throws: `.truncatedData`.
  package func view(_ range: Range<Int>) throws(HybridizeError) -> (bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    try check(range.lowerBound, range.count)
    switch storage {
    case .file(_, let map):
      let bytes = map.bytes[origin + range.lowerBound..<origin + range.upperBound]
      return (UnsafeRawBufferPointer(rebasing: bytes), map)
    case .memory(let tensor):
      return (UnsafeRawBufferPointer(rebasing: tensor.bytes[range]), Keeper(tensor))
    }
  }

  private func check(_ offset: Int, _ size: Int) throws(HybridizeError) {
    guard offset >= 0, size >= 0, offset <= count, size <= count - offset else {
      throw HybridizeError(
        .truncatedData, file: path, offset: offset, expected: "\(size) bytes",
        found: "\(max(0, count - max(0, offset))) bytes")
    }
  }

  private final class Keeper {
    let tensor: StoredTensor
    init(_ tensor: StoredTensor) { self.tensor = tensor }
  }
}
