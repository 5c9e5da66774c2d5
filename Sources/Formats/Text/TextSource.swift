import HybridizeCore

/// A text as a person names it, resolved to the files that it stands for:
///
/// - a file;
/// - a folder: all files in it and in folders below whose names end in `.jsonl`, `.ndjson`, `.json`, `.txt` or `.md`, also
///   with `.gz` or `.zst` behind it, in the order of their paths by bytes;
/// - a pattern, as shells have them: `*`, `?`, `[a-z]`, and `**` for any number of folders;
/// - `-`: standard input, which is read to its end at once.
///
/// Its documents are those of its files in order. What a file holds follows from its content and its name, see
/// `TextReader`.
public struct TextSource: Sendable {
  /// Where an object has its text.
  public static let usualKey = "text"

  /// As it was given; for standard input its name.
  public let name: String
  /// Where objects have their text.
  public let key: String
  let files: [TextFile]
  /// Bytes of all files.
  package let size: Int

  /// Looks at names and sizes; nothing is read but standard input.
  ///
  /// - Throws: `.unreadable` for what is not there, or is a pipe or device; `.noTexts` for a folder or pattern without
  ///   files; what can go wrong with standard input.
  public init(_ name: String, key: String = usualKey) throws(HybridizeError) {
    self.key = key
    if name == "-" {
      let file = try SpooledInput.open()
      self.name = file.path
      files = [TextFile(path: file.path, size: file.size, spooled: file)]
      size = file.size
      return
    }
    self.name = name
    files =
      switch FileSystem.status(name) {
      case let status? where status.kind == .directory: try TextFolder.files(in: name)
      case let status?: [try TextFile(name, status)]
      case nil:
        if TextPattern.isPattern(name) {
          try TextPattern.files(matching: name)
        } else {
          throw FileSystem.unreadable(name)
        }
      }
    size = files.reduce(0) { $0 + $1.size }
  }

  /// What the documents follow from, wherever the files lie and whatever they are called.
  package struct Fingerprint: Sendable, Equatable {
    /// A `TextForm`, or 3 for several files.
    package let form: UInt32
    package let byteCount: Int
    /// SHA-256, 64 hexadecimal digits.
    package let digest: String
  }

  /// Reads all files through.
  ///
  /// - Throws: what can be wrong with the beginning of a file (`TextReader.next`); `.unreadable`, `.truncatedData`.
  package func fingerprint() throws(HybridizeError) -> Fingerprint {
    var parts: [Fingerprint] = []
    for file in files { parts.append(try fingerprint(file)) }
    if parts.count == 1 { return parts[0] }
    let lines = parts.map { "\($0.form) \($0.byteCount) \($0.digest)" }
    return Fingerprint(
      form: 3, byteCount: parts.reduce(0) { $0 + $1.byteCount },
      digest: SHA256.hash(text: lines.joined(separator: "\n")))
  }

  private func fingerprint(_ file: TextFile) throws(HybridizeError) -> Fingerprint {
    var reader = try TextFileReader(file, key: key)
    let form = try reader.form()
    let host = try file.open()
    let digest = try SHA256.hash(host)
    return Fingerprint(
      form: form.rawValue, byteCount: host.size,
      digest: form == .plain || key == Self.usualKey ? digest : SHA256.hash(text: "\(digest) \(key)"))
  }
}

/// One file of a text.
struct TextFile: Sendable {
  let path: String
  let size: Int
  /// Standard input.
  var spooled: HostFile?

  init(path: String, size: Int, spooled: HostFile?) {
    self.path = path
    self.size = size
    self.spooled = spooled
  }

  /// - Throws: `.unreadable` for a pipe or device.
  init(_ path: String, _ status: FileSystem.Status) throws(HybridizeError) {
    guard status.kind == .file else {
      throw HybridizeError(
        .unreadable, file: path, expected: "a regular file", found: "a pipe, socket or device",
        remedy: "what comes from a pipe is read with --text - only")
    }
    self.init(path: path, size: status.size, spooled: nil)
  }

  /// - Throws: `.unreadable`.
  func open() throws(HybridizeError) -> HostFile { if let spooled { spooled } else { try HostFile(path) } }
}

extension Problem {
  public static let noTexts = Problem("noTexts", .inputFile, "no text is there")
}
