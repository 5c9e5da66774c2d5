import HybridizeCore

/// The checked header of a safetensors file: what is in it and where.
public struct SafetensorsHeader: Sendable {
  /// Headers above this are refused, as the reference implementation does.
  public static let maximumBytes = 100_000_000

  /// In the order of their data.
  public let tensors: [TensorDescriptor]
  /// The `__metadata__` of the file, in its order.
  public let metadata: [(key: String, value: String)]
  /// Offset of the first data byte in the file.
  public let dataStart: Int
  private let offsets: [Int]
  private let positions: NameTable

  /// Reads the first pages of `file` and checks every claim they make against its size.
  ///
  /// - Parameter strict: also refuse fields that the format does not know.
  /// - Throws: a problem of `SafetensorsProblems.swift` or of JSON, with the offset in the file where it has one.
  public init(_ file: HostFile, strict: Bool = false) throws(HybridizeError) {
    do {
      let prefix = try file.read(at: 0, count: min(8, file.size))
      let length = try Self.length(prefix, fileSize: file.size)
      try self.init(file.read(at: 8, count: length), fileSize: file.size, strict: strict)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// Parses the JSON text of a header.
  ///
  /// - Parameters:
  ///   - text: the bytes between the length and the data.
  ///   - fileSize: bytes of the whole file.
  init(_ text: consuming [UInt8], fileSize: Int, strict: Bool) throws(HybridizeError) {
    dataStart = 8 + text.count
    var parsed: SafetensorsHeaderParser.Result
    do {
      // The text goes when it is parsed: a large one is the larger part of the memory.
      parsed = try SafetensorsHeaderParser.parse(consume text, strict: strict)
    } catch {
      var shifted = error
      shifted.offset = error.offset.map { $0 + 8 }
      throw shifted
    }
    let isMoved = try Self.validate(&parsed.entries, dataSize: fileSize - dataStart)
    metadata = parsed.metadata
    offsets = parsed.entries.map(\.begin)
    let tensors = parsed.entries.map(\.descriptor)
    self.tensors = tensors
    // The parser's table is good unless the order of the text is not the order of the data.
    positions = isMoved ? Self.table(tensors) : parsed.positions
  }

  private static func table(_ tensors: [TensorDescriptor]) -> NameTable {
    var table = NameTable(capacity: tensors.count)
    for tensor in tensors { _ = table.add(tensor.name) { tensors[$0].name } }
    return table
  }

  /// The tensor of that name.
  public func descriptor(named name: String) -> TensorDescriptor? {
    positions.position(of: name) { tensors[$0].name }.map { tensors[$0] }
  }

  /// Where the tensor's bytes are in the file.
  public func range(of name: String) -> Range<Int>? {
    guard let position = positions.position(of: name, { tensors[$0].name }) else { return nil }
    let start = dataStart + offsets[position]
    return start..<start + tensors[position].byteCount
  }

  /// The length of the header, checked before anything of that length is allocated.
  ///
  /// - Parameter prefix: the first 8 bytes of the file, fewer only if it has no more.
  static func length(_ prefix: [UInt8], fileSize: Int) throws(HybridizeError) -> Int {
    guard prefix.count == 8 else {
      throw HybridizeError(.truncatedPrefix, expected: "at least 8 bytes", found: "\(fileSize) bytes")
    }
    let length = prefix.littleEndianValue
    guard length > 0 else { throw HybridizeError(.emptyHeader, found: "a header of 0 bytes") }
    guard length <= maximumBytes else {
      throw HybridizeError(
        .headerTooLarge, expected: "at most \(maximumBytes) bytes", found: "\(length) bytes",
        remedy: hint(prefix, length: length, fileSize: fileSize))
    }
    guard Int(length) <= fileSize - 8 else {
      throw HybridizeError(
        .headerPastEOF, expected: "at most \(fileSize - 8) bytes of header", found: "\(length) bytes")
    }
    return Int(length)
  }

  static let pointerRemedy = "this looks like a Git LFS pointer, not the file itself: run `git lfs pull`"

  /// What a length that cannot be may really be.
  private static func hint(_ prefix: [UInt8], length: UInt64, fileSize: Int) -> String? {
    if prefix.elementsEqual("version ".utf8) {
      return pointerRemedy
    }
    if prefix == ZstdShuffle.mark {
      return "this is the inside of a shuffled .safetensors.zst file: open that file as it is"
    }
    if length.byteSwapped > 0, length.byteSwapped <= UInt64(fileSize - 8) {
      return "the length looks big-endian; the format is little-endian"
    }
    return nil
  }
}
