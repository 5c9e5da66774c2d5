import HybridizeCore

/// Where the tensors of a file to be written go, and its header: the same bytes as the reference implementation's.
public struct SafetensorsLayout: Sendable {
  /// In the order of their data: element types of high rank first, so that every tensor is aligned to its
  /// elements, then by the bytes of the name.
  public let tensors: [TensorDescriptor]
  /// The length and the JSON, padded with spaces to a multiple of the alignment.
  public let header: [UInt8]
  /// Bytes of the whole file.
  public let fileSize: Int

  /// - Parameter metadata: written with sorted keys, before the tensors; no `__metadata__` at all if it is empty.
  /// - Parameter alignment: the data begins at a multiple of so many bytes: 8 as the reference implementation has it, or a
  ///   page, so that a map of the file can be handed to devices.
  /// - Throws: `.invalidTensorPlan` for a name or metadata key that appears twice and for the reserved name
  ///   `__metadata__`, `.headerNotWritable` for a header that readers would refuse, `.sizeOverflow`.
  public init(
    _ tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [], alignment: Int = 8
  ) throws(HybridizeError) {
    precondition(alignment > 0 && alignment % 8 == 0, "data at a multiple of \(alignment) bytes")
    try Self.checkNames(tensors)
    self.tensors = Self.sorted(tensors)
    // Refused by the names and values alone where that is possible, before a giant text is made of them.
    let least = metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    try Self.checkLength(tensors.reduce(least) { $0 + $1.name.utf8.count })
    let json = try Self.json(self.tensors, metadata)
    let length = (8 + json.utf8.count + alignment - 1) / alignment * alignment - 8
    try Self.checkLength(length)
    var header = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
    header += json.utf8
    header += [UInt8](repeating: 0x20, count: length - json.utf8.count)
    self.header = header
    fileSize = try CheckedMath.add(header.count, Self.total(tensors))
  }

  /// - Throws: `.invalidTensorPlan` for a name that appears twice or is reserved.
  static func checkNames(_ tensors: [TensorDescriptor]) throws(HybridizeError) {
    var names = Set<UTF8Key>()
    for tensor in tensors {
      guard tensor.name != "__metadata__", names.insert(UTF8Key(tensor.name)).inserted else {
        throw HybridizeError(.invalidTensorPlan, tensor: tensor.name, expected: "a name of its own")
      }
    }
  }

  /// - Throws: `.headerNotWritable`.
  private static func checkLength(_ length: Int) throws(HybridizeError) {
    guard length <= SafetensorsHeader.maximumBytes else {
      throw HybridizeError(
        .headerNotWritable, expected: "at most \(SafetensorsHeader.maximumBytes) bytes",
        found: "\(length) bytes or more")
    }
  }

  /// - Throws: `.sizeOverflow`.
  static func total(_ tensors: [TensorDescriptor]) throws(HybridizeError) -> Int {
    var total = 0
    for tensor in tensors { total = try CheckedMath.add(total, tensor.byteCount) }
    return total
  }

  private static func sorted(_ tensors: [TensorDescriptor]) -> [TensorDescriptor] {
    let ranks = Dictionary(uniqueKeysWithValues: ElementType.allCases.enumerated().map { ($0.element, $0.offset) })
    let ranked = tensors.map { (rank: ranks[$0.elementType] ?? 0, tensor: $0) }
    return ranked.sorted { a, b in
      a.rank == b.rank ? a.tensor.name.utf8.lexicographicallyPrecedes(b.tensor.name.utf8) : a.rank > b.rank
    }
    .map(\.tensor)
  }

  /// The JSON text of a header for tensors in the order of their data.
  static func json(
    _ tensors: [TensorDescriptor], _ metadata: [(key: String, value: String)]
  ) throws(HybridizeError) -> String {
    var members: [String] = []
    if !metadata.isEmpty { members.append("\"__metadata__\":{\(try metadataMembers(metadata))}") }
    var offset = 0
    for tensor in tensors {
      let end = try CheckedMath.add(offset, tensor.byteCount)
      let shape = tensor.shape.dimensions.map { String($0) }.joined(separator: ",")
      members.append(
        "\(JSONWriter.quoted(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    return "{\(members.joined(separator: ","))}"
  }

  private static func metadataMembers(_ metadata: [(key: String, value: String)]) throws(HybridizeError) -> String {
    guard Set(metadata.map { UTF8Key($0.key) }).count == metadata.count else {
      throw HybridizeError(
        .invalidTensorPlan, expected: "metadata keys that differ",
        found: metadata.map(\.key).joined(separator: ", "))
    }
    return metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { "\(JSONWriter.quoted($0.key)):\(JSONWriter.quoted($0.value))" }
      .joined(separator: ",")
  }
}

extension Problem {
  public static let invalidTensorPlan = Problem(
    "invalidTensorPlan", .output, "these tensors cannot be written into one file")
  public static let headerNotWritable = Problem(
    "headerNotWritable", .output, "the header would be larger than headers may be")
}
