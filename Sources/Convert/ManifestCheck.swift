import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats

/// Whether the files and tensors of a converted model are still those that its manifest names.
public enum ManifestCheck {
  /// What differs, in words; `nil` for a directory without a manifest.
  ///
  /// - Parameter scan: digests of the model's tensors.
  /// - Throws: JSON problems, `.wrongField` for a manifest that is none, `.unreadable`.
  public static func failures(in directory: String, _ scan: TensorScan) throws(HybridizeError) -> [String]? {
    guard let manifest = try Manifest.read(in: directory) else { return nil }
    do throws(HybridizeError) {
      guard let files = manifest.objectValue?["files"]?.arrayValue,
        let digests = manifest.objectValue?["tensors"]?.objectValue?["digests"]?.arrayValue
      else { throw HybridizeError(.wrongField, expected: "files and tensors.digests: arrays") }
      var failures: [String] = []
      for file in files { if let failure = try check(file.objectValue, in: directory) { failures.append(failure) } }
      return failures + (try check(digests, scan))
    } catch { throw error.inFile(FileSystem.join(directory, Manifest.fileName)) }
  }

  private static func check(_ file: JSONObject?, in directory: String) throws(HybridizeError) -> String? {
    guard let name = file?["file"]?.stringValue, !name.contains("/"), name != "..",
      let bytes = file?["bytes"]?.integerValue
    else { throw HybridizeError(.wrongField, expected: "files: objects with file and bytes") }
    let path = FileSystem.join(directory, name)
    guard FileSystem.kind(path) == .file else { return "\(name): missing, though \(Manifest.fileName) names it" }
    let size = try FileSystem.size(path)
    guard size == bytes else { return "\(name): \(size) bytes, \(bytes) by \(Manifest.fileName)" }
    guard let sha256 = file?["sha256"]?.stringValue else { return nil }
    return try SHA256.hash(file: path) == sha256 ? nil : "\(name): other bytes than \(Manifest.fileName) says"
  }

  private static func check(_ digests: [JSONValue], _ scan: TensorScan) throws(HybridizeError) -> [String] {
    var found: [UTF8Key: String] = [:]
    for entry in scan.entries { found[UTF8Key(entry.tensor.name)] = entry.sha256 }
    var failures: [String] = []
    for digest in digests {
      guard let name = digest.objectValue?["name"]?.stringValue,
        let sha256 = digest.objectValue?["sha256"]?.stringValue
      else { throw HybridizeError(.wrongField, expected: "tensors.digests: objects with name and sha256") }
      if found[UTF8Key(name)] != sha256 {
        failures.append("\(ErrorText.escape(name)): other bytes than \(Manifest.fileName) says")
      }
    }
    return failures
  }
}
