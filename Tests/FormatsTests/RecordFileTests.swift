import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a file of records")
struct RecordFileTests {
  private let scratch = TemporaryDirectory()
  private let identity = String(repeating: "ab", count: 32)

  private func open(_ identity: String? = nil, recordBytes: Int = 5) throws -> RecordFile {
    try RecordFile(scratch.path("records"), identity: identity ?? self.identity, recordBytes: recordBytes)
  }

  private func key(_ number: UInt8) -> RecordFile.Key {
    RecordFile.Key([number].withUnsafeBytes { SHA256.hash($0) })
  }

  private func add(_ bytes: [UInt8], _ number: UInt8, to file: RecordFile) throws {
    try bytes.withUnsafeBytes { try file.add($0, under: key(number)) }
  }

  private func read(_ number: UInt8, of file: RecordFile) throws -> [UInt8]? {
    try file.record(key(number)).map { Array($0.bytes) }
  }

  /// Three records, in a closed file.
  private func filled() throws {
    let file = try open()
    for number in 1...3 as ClosedRange<UInt8> { try add([number, 2, 3, 4, 5], number, to: file) }
  }

  @Test("what was added is there, now and when it is opened again")
  func roundTrip() throws {
    try filled()
    let file = try open()
    for number in 1...3 as ClosedRange<UInt8> { #expect(try read(number, of: file) == [number, 2, 3, 4, 5]) }
    #expect(try read(4, of: file) == nil)
    try add([9, 9, 9, 9, 9], 4, to: file)
    #expect(try read(4, of: file) == [9, 9, 9, 9, 9])
  }

  @Test("cut anywhere, it has the records that are whole, and takes new ones")
  func cut() throws {
    try filled()
    let whole = scratch.bytes("records")
    let header = whole.count - 3 * (32 + 5 + 8)
    for length in 0..<whole.count {
      scratch.write("records", Array(whole[..<length]))
      let file = try open()
      for number in 1...3 as ClosedRange<UInt8> {
        let isWhole = length >= header + Int(number) * (32 + 5 + 8)
        #expect(try (read(number, of: file) != nil) == isWhole, "record \(number), cut at \(length)")
        try add([number, 2, 3, 4, 5], number, to: file)
      }
      #expect(scratch.bytes("records") == whole, "cut at \(length)")
    }
  }

  @Test("a record with a changed byte is not there, and is replaced")
  func damaged() throws {
    try filled()
    let whole = scratch.bytes("records")
    for offset in (whole.count - 3 * (32 + 5 + 8))..<whole.count {
      var bytes = whole
      bytes[offset] ^= 0x10
      scratch.write("records", bytes)
      let file = try open()
      let intact = try (1...3 as ClosedRange<UInt8>).filter { try read($0, of: file) == [$0, 2, 3, 4, 5] }
      #expect(intact.count == 2, "byte \(offset)")
      for number in 1...3 as ClosedRange<UInt8> { try add([number, 2, 3, 4, 5], number, to: file) }
      for number in 1...3 as ClosedRange<UInt8> { #expect(try read(number, of: file) == [number, 2, 3, 4, 5]) }
    }
  }

  @Test("a file of something else is refused and left as it is")
  func others() throws {
    try filled()
    let before = scratch.bytes("records")
    expectProblem(.otherRecords) { try open(String(repeating: "cd", count: 32)) }
    expectProblem(.otherRecords) { try open(recordBytes: 6) }
    #expect(scratch.bytes("records") == before)
    scratch.write("records", String(repeating: "no records at all. ", count: 20))
    expectProblem(.otherRecords) { try open() }
    expectProblem(.cannotWrite) { try RecordFile(scratch.path("nowhere/file"), identity: identity, recordBytes: 1) }
  }

  @Test("two cannot have it open at a time")
  func locked() throws {
    let file = try open()
    expectProblem(.outputBusy) { try open() }
    withExtendedLifetime(file) {}
  }
}
