import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("output that is there whole or not at all")
struct AtomicOutputTests {
  private let directory = TemporaryDirectory()

  private func write(_ text: String, to file: AtomicFile) throws {
    try Array(text.utf8).withUnsafeBytes { try file.write($0) }
  }

  @Test("a file appears when it is committed, with its size and digest")
  func fileAppears() throws {
    let file = try AtomicFile(directory.path("a"))
    try write("ab", to: file)
    try write("c", to: file)
    #expect(!FileSystem.exists(directory.path("a")))
    let sibling = try #require(directory.entries().first)
    #expect(sibling.hasPrefix(".a.partial-") && sibling.utf8.count == ".a.partial-".utf8.count + 8)
    let written = try file.commit()
    #expect(directory.entries() == ["a"])
    #expect(directory.bytes("a") == Array("abc".utf8))
    #expect(written.byteCount == 3)
    #expect(written.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test("a file that is not committed leaves nothing")
  func fileDropped() throws {
    do {
      let file = try AtomicFile(directory.path("a"))
      try write("abc", to: file)
    }
    #expect(directory.entries() == [])
  }

  @Test("a file that is there stays, at the beginning and when it appears meanwhile")
  func fileExists() throws {
    let file = try AtomicFile(directory.path("a"))
    try write("new", to: file)
    directory.write("a", "old")
    #expect(expectProblem(.outputExists) { try AtomicFile(directory.path("a")) }?.category == .output)
    expectProblem(.outputExists) { try file.commit() }
    #expect(directory.entries() == ["a"])
    #expect(directory.bytes("a") == Array("old".utf8))
    let replacing = try AtomicFile(directory.path("a"), replacing: true)
    try write("new", to: replacing)
    _ = try replacing.commit()
    #expect(directory.bytes("a") == Array("new".utf8))
  }

  @Test("a link that leads nowhere counts as being there")
  func danglingLink() throws {
    directory.link("a", to: "nowhere")
    expectProblem(.outputExists) { try AtomicFile(directory.path("a")) }
    expectProblem(.outputExists) { try AtomicDirectory(directory.path("a")) }
  }

  @Test("a name of 255 bytes has room for its sibling")
  func longName() throws {
    let name = String(repeating: "é", count: 127) + "x"
    _ = try AtomicFile(directory.path(name)).commit()
    #expect(directory.entries() == [name])
    expectProblem(.cannotWrite) { _ = try AtomicFile(directory.path(name + "y")).commit() }
    #expect(directory.entries() == [name])
  }

  @Test("a text replaces another one whole, and one that cannot be written leaves it")
  func text() throws {
    directory.write("a", "old")
    try AtomicFile.write("new é", to: directory.path("a"))
    #expect(directory.entries() == ["a"] && directory.bytes("a") == Array("new é".utf8))
    expectProblem(.cannotWrite) { try AtomicFile.write("x", to: directory.path("none/a")) }
  }

  @Test("what killed processes have left of a file can be removed, and nothing else")
  func leftovers() throws {
    for name in [".a.partial-01234567", ".a.partial-89abcdef", ".b.partial-01234567", "a", ".a"] {
      directory.write(name, "half")
    }
    try AtomicFile.removeLeftovers(of: directory.path("a"))
    #expect(directory.entries() == [".a", ".b.partial-01234567", "a"])
    expectProblem(.unreadable) { try AtomicFile.removeLeftovers(of: directory.path("none/a")) }
  }

  @Test("a directory is made where there is none")
  func makeDirectory() throws {
    for _ in 0..<2 { try FileSystem.makeDirectory(directory.path("out")) }
    #expect(FileSystem.isDirectory(directory.path("out")))
    directory.write("file", "")
    let taken = expectProblem(.cannotWrite) { try FileSystem.makeDirectory(directory.path("file")) }
    #expect(taken?.found == "File exists")
    let remedy = expectProblem(.cannotWrite) { try FileSystem.makeDirectory(directory.path("none/out")) }?.remedy
    #expect(remedy == "make the directory \(directory.path("none")) first")
  }

  @Test("a directory appears when it is committed, with all that is in it")
  func directoryAppears() throws {
    let output = try AtomicDirectory(directory.path("out"))
    let written = try output.write("a.json", Array("{}".utf8))
    let copied = try output.copy(ReferenceFile.path, as: "copy.safetensors")
    #expect(mkdir(output.path(of: "inner"), 0o777) == 0)
    #expect(written.byteCount == 2)
    #expect(copied.sha256 == (try SHA256.hash(file: ReferenceFile.path)))
    expectProblem(.outputExists) { try output.write("a.json", []) }
    #expect(!FileSystem.exists(directory.path("out")))
    try output.commit()
    #expect(directory.entries() == ["out"])
    #expect(directory.entries("out") == ["a.json", "copy.safetensors", "inner"])
  }

  @Test("a directory that is not committed leaves nothing, and its links are not followed")
  func directoryDropped() throws {
    directory.write("keep", "precious")
    do {
      let output = try AtomicDirectory(directory.path("out"))
      _ = try output.write("a", [1])
      #expect(mkdir(output.path(of: "inner"), 0o777) == 0)
      #expect(symlink(directory.path, output.path(of: "inner/link")) == 0)
    }
    #expect(directory.entries() == ["keep"])
  }

  @Test("a directory or file that appears meanwhile is not replaced, not even an empty one", arguments: [true, false])
  func directoryExists(_ isDirectory: Bool) throws {
    do {
      let output = try AtomicDirectory(directory.path("out"))
      if isDirectory { _ = directory.makeDirectory("out") } else { directory.write("out", "") }
      expectProblem(.outputExists) { try AtomicDirectory(directory.path("out")) }
      #expect(expectProblem(.outputExists) { try output.commit() }?.remedy != nil)
    }
    #expect(directory.entries() == ["out"])
    #expect(FileSystem.isDirectory(directory.path("out")) == isDirectory)
  }

  @Test("a missing parent is an error that says so")
  func missingParent() throws {
    let error = expectProblem(.cannotWrite) { try AtomicDirectory(directory.path("none/out")) }
    #expect(error?.found == "No such file or directory")
    #expect(error?.remedy == "make the directory \(directory.path("none")) first")
    expectProblem(.cannotWrite) { try AtomicFile(directory.path("none/out")) }
  }

  @Test("a parent that may not be written to is an error", .enabled(if: geteuid() != 0))
  func lockedParent() throws {
    let locked = directory.makeDirectory("locked")
    #expect(chmod(locked, 0o500) == 0)
    #expect(expectProblem(.cannotWrite) { try AtomicDirectory("\(locked)/out") }?.found == "Permission denied")
  }

  @Test("without an exclusive rename, a claim keeps what is there", arguments: [true, false])
  func claim(_ isDirectory: Bool) throws {
    let old = isDirectory ? directory.makeDirectory("old") : directory.write("old", "new")
    if isDirectory { directory.write("old/inner", "new") }
    directory.write("taken", "old")
    expectProblem(.outputExists) { try AtomicRename.renameByClaim(old, to: directory.path("taken")) }
    #expect(directory.bytes("taken") == Array("old".utf8))
    try AtomicRename.renameByClaim(old, to: directory.path("new"))
    #expect(directory.entries() == ["new", "taken"])
    #expect(directory.bytes(isDirectory ? "new/inner" : "new") == Array("new".utf8))
  }

  /// In a process of its own, because the limit holds for a whole process.
  @Test("a full disk is an error in the system's words, and leaves nothing")
  func fullDisk() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 65536, rlim_max: 65536)
      #if canImport(Glibc)
        let kind = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      #else
        let kind = RLIMIT_FSIZE
      #endif
      guard setrlimit(kind, &limit) == 0 else { exit(10) }
      let parent = TemporaryDirectory()
      let tensor = try TensorDescriptor(name: "t", elementType: .uint8, shape: [100_000])
      do {
        let output = try AtomicDirectory(parent.path("out"))
        let writer = try SafetensorsWriter(output.path(of: "a.safetensors"), tensors: [tensor])
        let error = expectProblem(.cannotWrite) {
          try [UInt8](repeating: 1, count: 100_000).withUnsafeBytes { try writer.append($0, to: "t") }
        }
        guard error?.found == "File too large", error?.category == .output else { exit(11) }
        guard parent.entries(FileSystem.name(of: output.buildPath)) == [] else { exit(12) }
      }
      guard parent.entries() == [] else { exit(13) }
    }
  }
}
