import HybridizeCore
import HybridizeFormats

/// Whether the files of a converted model are still those that its manifest names.
public enum ManifestCheck {
  /// What differs, in words; `nil` for a directory without a manifest.
  ///
  /// - Throws: JSON problems, `.wrongField` for a manifest that is none, `.unreadable`.
  public static func failures(in directory: String) throws(HybridizeError) -> [String]? {
    let path = FileSystem.join(directory, Manifest.fileName)
    guard FileSystem.exists(path) else { return nil }
    do throws(HybridizeError) {
      let manifest = try JSONCursor.parse(FileSystem.read(path, limit: 64 << 20))
      guard let files = manifest.objectValue?["files"]?.arrayValue else {
        throw HybridizeError(.wrongField, expected: "files: an array")
      }
      var failures: [String] = []
      for file in files {
        guard let entry = file.objectValue, let name = entry["file"]?.stringValue, !name.contains("/"),
          name != "..", let bytes = entry["bytes"]?.integerValue, let sha256 = entry["sha256"]?.stringValue
        else { throw HybridizeError(.wrongField, expected: "files: objects with file, bytes and sha256") }
        if let failure = try check(FileSystem.join(directory, name), name, bytes, sha256) { failures.append(failure) }
      }
      return failures
    } catch { throw error.inFile(path) }
  }

  private static func check(
    _ path: String, _ name: String, _ bytes: Int, _ sha256: String
  ) throws(HybridizeError) -> String? {
    guard FileSystem.kind(path) == .file else { return "\(name): missing, though \(Manifest.fileName) names it" }
    let size = try FileSystem.size(path)
    guard size == bytes else { return "\(name): \(size) bytes, \(bytes) by \(Manifest.fileName)" }
    return try SHA256.hash(file: path) == sha256 ? nil : "\(name): other bytes than \(Manifest.fileName) says"
  }
}
