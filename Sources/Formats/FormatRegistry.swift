import HybridizeCore

/// A kind of checkpoint that can be opened. One file a format, and a line in `FormatRegistry`.
public protocol CheckpointFormat: Sendable {
  /// For instance `safetensors`; what `TensorReader.formatName` says.
  static var name: String { get }
  /// What a user may give, in words.
  static var accepts: String { get }
  /// How sure the format is that the path is one of its own.
  static func recognize(_ candidate: FormatCandidate) -> FormatMatch
  /// Opens and checks.
  static func open(_ path: String) throws(HybridizeError) -> any TensorReader
}

/// How sure a format is. What a file contains counts more than what it is called.
public enum FormatMatch: Int, Sendable, Comparable {
  case none
  case byName
  case byContent

  public static func < (a: FormatMatch, b: FormatMatch) -> Bool { a.rawValue < b.rawValue }
}

/// What a format may look at to recognise its own.
public struct FormatCandidate: Sendable {
  public let path: String
  public let isDirectory: Bool
  /// The names in a directory; none for a file.
  public let entries: [String]
  /// The first bytes of a file, at most 16.
  public let start: [UInt8]
  /// Bytes of a file.
  public let size: Int

  /// - Throws: `.unreadable`.
  public init(_ path: String) throws(HybridizeError) {
    self.path = path
    isDirectory = FileSystem.isDirectory(path)
    if isDirectory {
      entries = try FileSystem.list(path)
      start = []
      size = 0
    } else {
      let file = try HostFile(path)
      entries = []
      size = file.size
      start = try file.read(at: 0, count: min(16, file.size))
    }
  }
}

/// The formats that this package can read.
public enum FormatRegistry {
  public static let all: [any CheckpointFormat.Type] = [
    SafetensorsFormat.self, ZstdSafetensorsFormat.self, HDF5Format.self,
  ]

  /// Opens a checkpoint: a file, a shard index, or a directory such as a Hugging Face cache snapshot.
  ///
  /// - Parameter formats: the formats to choose from.
  /// - Throws: `.unknownFormat` with the formats that are known, `.unreadable`, or what the format finds wrong.
  public static func open(
    _ path: String, formats: [any CheckpointFormat.Type] = all
  ) throws(HybridizeError) -> any TensorReader {
    let candidate = try FormatCandidate(path)
    let matches = formats.map { (format: $0, match: $0.recognize(candidate)) }
    // The first of the best, so that the order of the registry decides between equals.
    guard let best = matches.map(\.match).max(), best > .none, let found = matches.first(where: { $0.match == best })
    else { throw unknown(candidate, formats) }
    return try found.format.open(path)
  }

  private static func unknown(
    _ candidate: FormatCandidate, _ formats: [any CheckpointFormat.Type]
  ) -> HybridizeError {
    let supported = formats.map { "\($0.name) (\($0.accepts))" }.joined(separator: "; ")
    let found: String
    if candidate.isDirectory {
      let names = candidate.entries.prefix(8).joined(separator: ", ")
      found = candidate.entries.isEmpty ? "an empty directory" : "a directory with \(names)"
    } else {
      found = "\(candidate.size) bytes starting with " + candidate.start.map(hexadecimal).joined(separator: " ")
    }
    let isPointer = candidate.start.starts(with: "version ".utf8)
    if let other = OtherFormat(candidate) { return other.error(candidate.path) }
    return HybridizeError(
      .unknownFormat, file: candidate.path, expected: supported, found: found,
      remedy: isPointer ? SafetensorsHeader.pointerRemedy : nil)
  }
}

extension Problem {
  public static let unknownFormat = Problem("unknownFormat", .inputFile, "this is no checkpoint of a known format")
}
