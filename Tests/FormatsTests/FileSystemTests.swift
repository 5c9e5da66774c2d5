import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("the file system")
struct FileSystemTests {
  private let directory = TemporaryDirectory()

  @Test(
    "splits a path into directory and name",
    arguments: [
      ("a/b", "a", "b"), ("/a/b/", "/a", "b"), ("/a", "/", "a"), ("a", ".", "a"), ("/", "/", ""), ("a//b", "a", "b"),
      ("//a", "/", "a"), ("./a", ".", "a"), ("../a/..", "../a", ".."),
    ])
  func paths(_ path: String, _ parent: String, _ name: String) {
    #expect(FileSystem.directory(of: path) == parent)
    #expect(FileSystem.name(of: path) == name)
  }

  @Test("joins without doubling a slash")
  func join() {
    #expect(FileSystem.join("a", "b") == "a/b")
    #expect(FileSystem.join("/", "b") == "/b")
  }

  @Test("tells files, directories, devices and nothing apart")
  func kinds() {
    let file = directory.write("file", "x")
    directory.link("link", to: "file")
    directory.link("dangling", to: "nowhere")
    #expect(FileSystem.kind(file) == .file)
    #expect(FileSystem.kind(directory.path("link")) == .file)
    #expect(FileSystem.kind(directory.path) == .directory)
    #expect(FileSystem.kind("/dev/null") == .special)
    #expect(FileSystem.kind(directory.path("dangling")) == nil)
    #expect(FileSystem.isOccupied(directory.path("dangling")))
    #expect(!FileSystem.isOccupied(directory.path("none")))
  }

  @Test("reads a whole file up to a limit")
  func readWhole() throws {
    let file = directory.write("file", "hello")
    #expect(try FileSystem.read(file, limit: 5) == Array("hello".utf8))
    #expect(expectProblem(.fileTooLarge) { try FileSystem.read(file, limit: 4) }?.found == "5 bytes")
    #expect(try FileSystem.read(directory.write("none", ""), limit: 0) == [])
    expectProblem(.unreadable) { try FileSystem.read("/dev/zero", limit: 1) }
    expectProblem(.unreadable) { try FileSystem.read(directory.path, limit: 1) }
  }

  @Test("lists names by their bytes")
  func list() throws {
    for name in ["b", "é", ".hidden", "B", "a"] { directory.write(name, "") }
    #expect(try FileSystem.list(directory.path) == [".hidden", "B", "a", "b", "é"])
    expectProblem(.unreadable) { try FileSystem.list(directory.path("none")) }
  }

  @Test("resolves links to where they lead")
  func resolve() throws {
    let file = directory.write("file", "x")
    directory.link("one", to: "file")
    directory.link("two", to: "one")
    #expect(try FileSystem.resolve(directory.path("two")) == FileSystem.resolve(file))
    directory.link("dangling", to: "nowhere")
    expectProblem(.unreadable) { try FileSystem.resolve(directory.path("dangling")) }
  }

  @Test("a file is read at an offset, and not past its end")
  func readPart() throws {
    let file = try HostFile(directory.write("file", "hello"))
    #expect(file.size == 5)
    #expect(try file.read(at: 1, count: 3) == Array("ell".utf8))
    #expect(try file.read(at: 5, count: 0) == [])
    expectProblem(.truncatedData) { try file.read(at: 3, count: 3) }
    expectProblem(.truncatedData) { try file.read(at: 6, count: 0) }
    expectProblem(.truncatedData, "before allocating") { try file.read(at: 0, count: .max) }
  }
}
