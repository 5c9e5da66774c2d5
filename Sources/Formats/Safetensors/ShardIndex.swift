import HybridizeCore

/// The index of a checkpoint in shards: which file holds which tensor.
///
/// Reading it looks at no shard; `ShardedReader` compares the two.
public struct ShardIndex: Sendable {
  /// No index of a real model comes near this.
  static let maximumBytes = 100_000_000

  public let path: String
  /// The tensors in the order of the file.
  public let tensors: [(name: String, file: String)]
  /// The shards, sorted by bytes, as paths from the directory of the index: a plain name, or one in a folder below.
  public let files: [String]
  /// Bytes of all tensors as the index has it, if it has a number of bytes.
  public let totalSize: Int?
  /// What is wrong with the index and changes no tensor.
  public let warnings: [String]
  private let fileOfName: [UTF8Key: String]

  /// - Throws: `.unreadable`, `.fileTooLarge`, a problem of JSON, `.wrongType`, `.duplicateName`, `.duplicateField`,
  ///   `.missingField`, `.shardPathEscapes` for a path that leads out of the directory, `.badShardName` for what is none.
  public init(_ path: String) throws(HybridizeError) {
    do {
      var parser = try ShardIndexParser(FileSystem.read(path, limit: Self.maximumBytes))
      try parser.read()
      self.path = path
      tensors = parser.tensors
      totalSize = parser.totalSize
      warnings = parser.warnings
      fileOfName = parser.fileOfName
      files = Set(tensors.map { UTF8Key($0.file) }).map(\.string)
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw error.inFile(path)
    }
  }

  /// The shard that holds the tensor.
  public func file(of name: String) -> String? { fileOfName[UTF8Key(name)] }

  /// A name that leads to a file of the same directory and nowhere else.
  static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
  }

  /// Checks that a path leads to a file of the directory or of one below, without a detour.
  ///
  /// - Throws: `.shardPathEscapes`, `.badShardName`.
  static func check(path: String) throws(HybridizeError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if parts.allSatisfy(isPlainName) { return }
    let escapes = path.hasPrefix("/") || parts.contains("..")
    throw HybridizeError(
      escapes ? .shardPathEscapes : .badShardName, expected: "a file name, or a path to a folder below", found: path)
  }
}

/// Reads `{"metadata": {"total_size": n, ...}, "weight_map": {name: file, ...}}`.
private struct ShardIndexParser {
  private(set) var tensors: [(name: String, file: String)] = []
  private(set) var fileOfName: [UTF8Key: String] = [:]
  private(set) var totalSize: Int?
  private(set) var warnings: [String] = []
  private var cursor: JSONCursor

  init(_ text: [UInt8]) throws(HybridizeError) { cursor = try JSONCursor(text) }

  mutating func read() throws(HybridizeError) {
    var seen = Set<UTF8Key>()
    try cursor.beginObject()
    while let key = try cursor.nextKey() {
      guard seen.insert(UTF8Key(key)).inserted else { throw problem(.duplicateField, found: key) }
      switch key {
      case "metadata": try readMetadata()
      case "weight_map": try readMap()
      default: try cursor.skip()
      }
    }
    try cursor.finish()
    guard seen.contains(UTF8Key("weight_map")) else { throw problem(.missingField, expected: "weight_map") }
  }

  private mutating func readMetadata() throws(HybridizeError) {
    let value = try cursor.value()
    guard !value.isNull else { return }
    guard let object = value.objectValue else {
      throw problem(.wrongType, expected: "metadata as an object", found: value.kind)
    }
    guard let size = object["total_size"] else { return }
    totalSize = wholeNumber(size)
    if totalSize == nil, !size.isNull { warnings.append("metadata.total_size of the index is no number of bytes") }
  }

  /// Some writers compute the size as a float: `2048.0` is taken for 2048.
  private func wholeNumber(_ value: JSONValue) -> Int? {
    let number = value.integerValue ?? value.doubleValue.flatMap { Int(exactly: $0) }
    return number.flatMap { $0 >= 0 ? $0 : nil }
  }

  private mutating func readMap() throws(HybridizeError) {
    guard cursor.nextByte() == UInt8(ascii: "{") else {
      throw problem(.wrongType, expected: "weight_map as an object", found: try cursor.value().kind)
    }
    try cursor.beginObject()
    while let name = try cursor.nextKey() {
      guard cursor.nextByte() == UInt8(ascii: "\"") else {
        throw problem(.wrongType, tensor: name, expected: "a file name", found: try cursor.value().kind)
      }
      let file = try cursor.string()
      do { try ShardIndex.check(path: file) } catch {
        throw problem(error.problem, tensor: name, expected: error.expected, found: file)
      }
      guard fileOfName.updateValue(file, forKey: UTF8Key(name)) == nil else {
        throw problem(.duplicateName, tensor: name)
      }
      tensors.append((name, file))
    }
  }

  private func problem(
    _ kind: Problem, tensor: String? = nil, expected: String? = nil, found: String? = nil
  ) -> HybridizeError {
    HybridizeError(kind, tensor: tensor, offset: cursor.offset, expected: expected, found: found)
  }
}

extension Problem {
  public static let shardPathEscapes = Problem(
    "shardPathEscapes", .inputFile, "the index names a shard outside its own directory")
  public static let badShardName = Problem(
    "badShardName", .inputFile, "the index names a shard by what is no name of a file")
}
