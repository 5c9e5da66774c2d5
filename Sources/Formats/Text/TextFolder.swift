import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The texts of a folder and of those below it. Names that begin with a dot are left out, each folder is gone through once
/// however many links lead to it, and nothing is recursive.
enum TextFolder {
  /// - Throws: `.unreadable` for what cannot be looked at, `.noTexts`.
  static func files(in path: String) throws(HybridizeError) -> [TextFile] {
    var files: [TextFile] = []
    var others: [String: Int] = [:]
    try walk(path) { (path, status) throws(HybridizeError) in
      if TextForm(name: path) != nil {
        files.append(try TextFile(path, status))
      } else {
        others[kind(of: path), default: 0] += 1
      }
    }
    guard !files.isEmpty else { throw none(in: path, others) }
    return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Calls `visit` with everything that is no folder, and `enter` with every folder, the first included.
  ///
  /// - Parameter isStrict: a link that leads nowhere is an error where a text should be.
  /// - Throws: `.unreadable`, what `visit` throws.
  static func walk(
    _ path: String, isStrict: Bool = true, enter: (String) -> Void = { _ in },
    visit: (String, FileSystem.Status) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    var folders = [path]
    var visited: Set<[UInt64]> = []
    while let folder = folders.popLast() {
      guard let own = FileSystem.status(folder) else { throw FileSystem.unreadable(folder) }
      guard visited.insert([own.device, own.inode]).inserted else { continue }
      enter(folder)
      for name in try FileSystem.list(folder) where !name.hasPrefix(".") {
        let path = FileSystem.join(folder, name)
        guard let status = FileSystem.status(path) else {
          // A link that leads nowhere, or to itself, is a loss only where a text should be.
          if errno == ENOENT || errno == ELOOP, !isStrict || TextForm(name: path) == nil { continue }
          throw FileSystem.unreadable(path)
        }
        if status.kind == .directory {
          folders.append(path)
        } else {
          try visit(path, status)
        }
      }
    }
  }

  /// What the end of a name says, or that it says nothing.
  private static func kind(of path: String) -> String {
    let name = FileSystem.name(of: path)
    guard let dot = name.lastIndex(of: "."), name.distance(from: dot, to: name.endIndex) <= 12 else {
      return "other names"
    }
    return name[dot...].lowercased()
  }

  private static func none(in path: String, _ others: [String: Int]) -> HybridizeError {
    let kinds = others.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let found = kinds.prefix(4).map { "\($0.value) \($0.key)" } + (kinds.count > 4 ? ["others"] : [])
    let remedy =
      others[".parquet"] != nil
      ? ForeignFile.parquetRemedy("FILE.parquet")
      : others[".arrow"] != nil
        ? ForeignFile.arrowRemedy("FILE.arrow") : "name the files with a pattern, for instance '\(path)/*'"
    return HybridizeError(
      .noTexts, file: path, expected: "files named \(TextForm.extensionList), also with .gz or .zst",
      found: found.isEmpty ? "no file" : found.joined(separator: ", "), remedy: remedy)
  }
}
