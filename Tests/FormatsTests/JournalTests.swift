import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("a journal")
struct JournalTests {
  private let directory = TemporaryDirectory()
  private var path: String { directory.path("journal") }

  private func entry(_ number: Int) -> JSONObject { ["number": .integer(number)] }

  @Test("keeps its whole lines, and what was half written is gone")
  func lines() throws {
    do {
      let journal = try Journal(path)
      #expect(journal.entries.isEmpty)
      for number in 0..<3 { try journal.append(entry(number)) }
    }
    directory.write("journal", directory.bytes("journal") + Array("{\"number\":".utf8))
    #expect(try Journal(path).entries == (0..<3).map(entry))
    #expect(directory.bytes("journal").last == UInt8(ascii: "\n"))
  }

  @Test("takes other lines in the place of all, and goes on after them", arguments: [0, 1, 5])
  func replaced(_ count: Int) throws {
    let journal = try Journal(path)
    for number in 0..<3 { try journal.append(entry(number)) }
    try journal.replace(with: (0..<count).map { entry(10 + $0) })
    try journal.append(entry(7))
    let text = (0..<count).map { "{\"number\":\(10 + $0)}\n" }.joined() + "{\"number\":7}\n"
    #expect(directory.bytes("journal") == Array(text.utf8))
  }

  @Test("is one process's at a time")
  func locked() throws {
    let journal = try Journal(path)
    expectProblem(.outputBusy) { try Journal(path) }
    try journal.append(entry(1))
  }

  @Test("is free when it is closed, though a process that was started meanwhile has its descriptor too")
  func inherited() throws {
    var copy: Int32 = -1
    do {
      let journal = try Journal(path)
      let descriptor = try #require((3..<1024).first { isJournal($0) })
      copy = dup(descriptor)
      withExtendedLifetime(journal) {}
    }
    defer { close(copy) }
    #expect(isJournal(copy))
    _ = try Journal(path)
  }

  private func isJournal(_ descriptor: Int32) -> Bool {
    var (here, there) = (stat(), stat())
    return fstat(descriptor, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino
      && here.st_dev == there.st_dev
  }
}
