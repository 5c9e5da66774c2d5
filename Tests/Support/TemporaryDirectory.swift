import HybridizeFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A new empty directory, removed with this value.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() {
    var template = Array("/tmp/hybridize-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary directory: \(String(cString: strerror(errno)))") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  /// The path of `name` in the directory.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a directory, and those above it, within this one.
  public func makeDirectory(_ name: String) -> String {
    var made = path
    for part in name.split(separator: "/") {
      made += "/" + part
      mkdir(made, 0o777)
    }
    return made
  }

  /// Writes a file plainly and gives its path.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) -> String {
    let path = path(name)
    guard let file = fopen(path, "wb") else { fatalError("cannot write \(path)") }
    defer { fclose(file) }
    precondition(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return path
  }

  @discardableResult
  public func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

  /// Makes a symbolic link `name` to `target`, which is taken as it is.
  public func link(_ name: String, to target: String) {
    precondition(symlink(target, path(name)) == 0, "cannot link \(name)")
  }

  /// The names in the directory, or in one within it.
  public func entries(_ name: String = "") -> [String] {
    (try? FileSystem.list(name.isEmpty ? path : path(name))) ?? []
  }

  /// The bytes of a file in it.
  public func bytes(_ name: String) -> [UInt8] {
    (try? FileSystem.read(path(name), limit: .max)) ?? []
  }

  private static func remove(_ path: String) {
    var info = stat()
    if lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o700)
      for name in (try? FileSystem.list(path)) ?? [] { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}
