import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Questions to the file system, with the path and the system's own words in every error.
public enum FileSystem {
  /// What a path leads to, symbolic links followed.
  public enum Kind: Sendable {
    case file
    case directory
    /// A device, pipe or socket.
    case special
  }

  /// What stands at a path, and where that is kept: two paths that lead to one file have the same.
  struct Status {
    let kind: Kind
    let size: Int
    let device: UInt64
    let inode: UInt64
  }

  /// What stands at `path`; `nil` if nothing does or it cannot be reached, for the reason that `errno` gives.
  static func status(_ path: String) -> Status? {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    let kind: Kind =
      switch info.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      default: .special
      }
    return Status(
      kind: kind, size: Int(info.st_size), device: UInt64(truncatingIfNeeded: info.st_dev),
      inode: UInt64(truncatingIfNeeded: info.st_ino))
  }

  /// What stands at `path`; `nil` if nothing does or it cannot be reached.
  public static func kind(_ path: String) -> Kind? { status(path)?.kind }

  /// True if a file, directory or anything else can be reached at `path`.
  public static func exists(_ path: String) -> Bool { kind(path) != nil }

  /// True if the name itself is taken, be it by a link that leads nowhere.
  public static func isOccupied(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0
  }

  public static func isDirectory(_ path: String) -> Bool { kind(path) == .directory }

  /// Bytes of a regular file.
  ///
  /// - Throws: `.unreadable`.
  public static func size(_ path: String) throws(HybridizeError) -> Int { try HostFile(path).size }

  /// What changes when a file is replaced or written to: device, inode, size, time of modification.
  ///
  /// - Throws: `.unreadable`.
  public static func identity(_ path: String) throws(HybridizeError) -> String {
    var info = stat()
    guard stat(path, &info) == 0 else { throw unreadable(path) }
    #if canImport(Glibc)
      let time = info.st_mtim
    #else
      let time = info.st_mtimespec
    #endif
    return "\(info.st_dev):\(info.st_ino):\(info.st_size):\(time.tv_sec).\(time.tv_nsec)"
  }

  /// Path and identity of each file, a line each: what work that goes on later compares, to know that it reads the same.
  ///
  /// - Throws: `.unreadable`.
  public static func identities(_ paths: [String]) throws(HybridizeError) -> [String] {
    try paths.map { (path) throws(HybridizeError) in "\(path) \(try identity(path))" }
  }

  /// All bytes of a regular file.
  ///
  /// - Throws: `.unreadable`, `.fileTooLarge` above `limit` bytes, before anything is allocated.
  public static func read(_ path: String, limit: Int) throws(HybridizeError) -> [UInt8] {
    let file = try HostFile(path)
    guard file.size <= limit else {
      throw HybridizeError(.fileTooLarge, file: path, expected: "at most \(limit) bytes", found: "\(file.size) bytes")
    }
    return try file.read(at: 0, count: file.size)
  }

  /// The names in a directory, without `.` and `..`, sorted by bytes.
  ///
  /// - Throws: `.unreadable`.
  public static func list(_ path: String) throws(HybridizeError) -> [String] {
    guard let directory = opendir(path) else { throw unreadable(path) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes a directory, unless there is one; its parent must be there.
  ///
  /// - Throws: `.cannotWrite`.
  public static func makeDirectory(_ path: String) throws(HybridizeError) {
    guard mkdir(path, 0o777) == 0 || errno == EEXIST && isDirectory(path) else {
      throw AtomicRename.cannotMake(path, errno)
    }
  }

  /// The absolute path with every symbolic link resolved.
  ///
  /// - Throws: `.unreadable`, also for a link that leads nowhere.
  public static func resolve(_ path: String) throws(HybridizeError) -> String {
    guard let resolved = realpath(path, nil) else { throw unreadable(path) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// `directory/name`, without doubling a slash.
  public static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// The path up to its last name; `.` where there is none before it.
  public static func directory(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return trimmed == "" ? "/" : "." }
    return slash == trimmed.startIndex ? "/" : trimmingSlashes(String(trimmed[..<slash]), root: "/")
  }

  /// The last name of the path; empty for the root.
  public static func name(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    return trimmed.lastIndex(of: "/").map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
  }

  private static func trimmingSlashes(_ path: String, root: String = "") -> String {
    var rest = path[...]
    while rest.hasSuffix("/") { rest.removeLast() }
    return rest.isEmpty ? root : String(rest)
  }

  /// An error about `path` in the words of `errno`.
  static func unreadable(_ path: String) -> HybridizeError {
    HybridizeError(.unreadable, file: path, found: errorText(errno))
  }

  static func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
}

extension Problem {
  public static let fileTooLarge = Problem("fileTooLarge", .inputFile, "the file is larger than it may be")
}
