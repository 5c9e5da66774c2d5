import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A pattern of paths, as shells have them: `*` for any characters of a name, `?` for one, `[a-z]` and `[!a-z]` for one of
/// some, `**` for any number of folders, and a backslash before what is meant as it is. Names that begin with a dot are
/// matched by a pattern that does.
enum TextPattern {
  /// Whether there is anything in it that does not stand for itself.
  static func isPattern(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

  /// The files that match, in the order of their paths by bytes; folders are passed over.
  ///
  /// - Throws: `.unreadable` for a folder on the way that cannot be listed, `.noTexts`.
  static func files(matching pattern: String) throws(HybridizeError) -> [TextFile] {
    var parts = pattern.split(separator: "/").map(String.init)
    // What `a/**` means by itself: every file below.
    if parts.last == "**" { parts.append("*") }
    var folders = [pattern.hasPrefix("/") ? "/" : ""]
    for part in parts.dropLast() { folders = try step(folders, part) }
    var files: [TextFile] = []
    for path in try candidates(folders, parts.last ?? "") {
      guard let status = FileSystem.status(path) else {
        // As in a folder, a link that leads nowhere stands for no text.
        if errno == ENOENT || errno == ELOOP { continue }
        throw FileSystem.unreadable(path)
      }
      if status.kind != .directory, !pattern.hasSuffix("/") { files.append(try TextFile(path, status)) }
    }
    guard !files.isEmpty else {
      throw HybridizeError(.noTexts, file: pattern, expected: "files that match the pattern", found: "none")
    }
    return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// The folders one part further on, each once.
  private static func step(_ folders: [String], _ part: String) throws(HybridizeError) -> [String] {
    var found: [String] = []
    if part == "**" {
      for folder in folders {
        let isHere = folder.isEmpty
        try TextFolder.walk(isHere ? "." : folder, isStrict: false) { path in
          found.append(isHere ? String(path.dropFirst(path == "." ? 1 : 2)) : path)
        } visit: { (_, _) throws(HybridizeError) in
        }
      }
    } else {
      found = try candidates(folders, part).filter { FileSystem.isDirectory($0) }
    }
    var seen: Set<String> = []
    return found.filter { seen.insert($0).inserted }
  }

  /// What a part leads to.
  private static func candidates(_ folders: [String], _ part: String) throws(HybridizeError) -> [String] {
    var found: [String] = []
    let pattern = Array(part.unicodeScalars)
    for folder in folders {
      func path(_ name: String) -> String { folder.isEmpty ? name : FileSystem.join(folder, name) }
      if !isPattern(part) {
        if FileSystem.exists(path(part)) { found.append(path(part)) }
        continue
      }
      for name in try FileSystem.list(folder.isEmpty ? "." : folder)
      where name.hasPrefix(".") == part.hasPrefix(".") && matches(Array(name.unicodeScalars), pattern) {
        found.append(path(name))
      }
    }
    return found
  }

  /// Whether a name matches a part of a pattern, in time of the product of their lengths.
  static func matches(_ name: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
    var (place, index) = (0, 0)
    // Where the last star stood, and how far it reaches.
    var star: (index: Int, place: Int)?
    while place < name.count {
      if index < pattern.count, pattern[index] == "*" {
        star = (index, place)
        index += 1
      } else if let next = match(name[place], pattern, at: index) {
        (place, index) = (place + 1, next)
      } else if let last = star {
        star = (last.index, last.place + 1)
        (place, index) = (last.place + 1, last.index + 1)
      } else {
        return false
      }
    }
    return pattern[index...].allSatisfy { $0 == "*" }
  }

  /// Where the pattern goes on if its next sign, which is no star, stands for the character.
  private static func match(_ scalar: Unicode.Scalar, _ pattern: [Unicode.Scalar], at index: Int) -> Int? {
    guard index < pattern.count else { return nil }
    switch pattern[index] {
    case "?": return index + 1
    case "[":
      guard let (isIn, end) = matchClass(scalar, pattern, at: index + 1) else { break }
      return isIn ? end : nil
    case "\\" where index + 1 < pattern.count: return pattern[index + 1] == scalar ? index + 2 : nil
    default: break
    }
    return pattern[index] == scalar ? index + 1 : nil
  }

  /// Whether the character is one of those in brackets, and where these end; `nil` if they do not, as the bracket stands for
  /// itself then.
  private static func matchClass(
    _ scalar: Unicode.Scalar, _ pattern: [Unicode.Scalar], at start: Int
  ) -> (isIn: Bool, end: Int)? {
    var index = start
    let isNegated = index < pattern.count && (pattern[index] == "!" || pattern[index] == "^")
    if isNegated { index += 1 }
    var isIn = false
    var isFirst = true
    while index < pattern.count {
      if pattern[index] == "]", !isFirst { return (isIn != isNegated, index + 1) }
      isFirst = false
      if index + 2 < pattern.count, pattern[index + 1] == "-", pattern[index + 2] != "]" {
        if pattern[index] <= scalar, scalar <= pattern[index + 2] { isIn = true }
        index += 3
      } else {
        if pattern[index] == scalar { isIn = true }
        index += 1
      }
    }
    return nil
  }
}
