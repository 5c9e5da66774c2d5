import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a conversion that is interrupted")
struct InterruptionTests {
  let scratch = TemporaryDirectory()

  private func command(_ out: String) -> String {
    "hybridize convert \(Fixtures.model) \(out) --keep 0,6 --dtype f16 --shard-size 4MB --json --quiet"
  }

  private func expectSame(_ directory: String, as expected: String) throws {
    #expect(scratch.entries(directory) == scratch.entries(expected))
    for name in scratch.entries(expected) {
      #expect(scratch.bytes("\(directory)/\(name)") == scratch.bytes("\(expected)/\(name)"), "\(name)")
    }
  }

  @Test("killed at any of 200 moments, it leaves nothing, the whole, or what the next run goes on with", .tags(.slow))
  func killed() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    #expect(try await Program().run(shell: command(scratch.path("expected"))).status == 0)
    var whole = clock.now - start
    var generator = SeededGenerator(seed: 4)
    var (cut, finished, continued) = (0, 0, 0)
    for _ in 0..<200 {
      // The last whole run tells how long one takes on a machine that does other things as well.
      let moment = whole * generator.uniform(0, 1.5)
      let begin = clock.now
      let seconds = Double(moment.components.attoseconds) * 1e-18 + Double(moment.components.seconds)
      let outcome = try await Program().run(shell: "timeout -s KILL \(seconds) \(command(scratch.path("out")))")
      if scratch.entries().contains("out") {
        try expectSame("out", as: "expected")
        DirectoryTree.remove(scratch.path("out"))
        finished += 1
        whole = clock.now - begin
        if outcome.status == 0, try outcome.json()["continued"]?.integerValue ?? 0 > 0 { continued += 1 }
      } else {
        #expect(outcome.status != 0)
        cut += 1
      }
    }
    #expect(cut > 20 && finished > 20, "\(cut) cut, \(finished) finished")
    #expect(continued > 0, "no run went on where another was cut")
    #expect(try await Program().run(shell: command(scratch.path("out"))).status == 0)
    try expectSame("out", as: "expected")
    #expect(scratch.entries() == ["expected", "out"])
  }

  @Test("what an interrupted run noted is not believed where the bytes are others")
  func damaged() async throws {
    let program = Program()
    #expect(try await program.run(shell: command(scratch.path("expected"))).status == 0)
    // A limit on file size stops the run where the first file would grow too large; nothing is left of that.
    let limited = try await program.run(shell: "ulimit -f 2000; \(command(scratch.path("out")))")
    #expect(limited.status == HybridizeError.Category.output.exitCode, "\(limited.error)")
    #expect(limited.error.contains("File too large"))
    #expect(scratch.entries() == ["expected"])

    // A run that was killed, as its leavings would look with a file that somebody has written into.
    let manifest = try JSONCursor.parse(scratch.bytes("expected/hybridize.json"))
    let digests = try #require(manifest.objectValue?["tensors"]?.objectValue?["digests"]?.arrayValue)
    var partial: String?
    // Later and later, for machines of any speed, until a run is cut that has begun to write.
    for attempt in 1...300 where partial == nil {
      let seconds = Double(attempt % 60 + 1) * 0.005
      _ = try await program.run(shell: "timeout -s KILL \(seconds) \(command(scratch.path("out")))")
      DirectoryTree.remove(scratch.path("out"))
      partial = scratch.entries().first { $0.hasPrefix(".out.partial-") }
    }
    let directory = try #require(partial)
    let lines = digests.compactMap { digest -> String? in
      guard let entry = digest.objectValue, let name = entry["name"], let sha256 = entry["sha256"] else { return nil }
      return JSONWriter.compact(.object(["tensor": name, "sha256": sha256])) + "\n"
    }
    scratch.write("\(directory)/.journal", lines.joined() + "{\"tensor\":\"half a li")
    for name in scratch.entries(directory) where name.hasSuffix(".safetensors") {
      scratch.write("\(directory)/\(name)", [UInt8](repeating: 0x5A, count: 1000))
    }
    #expect(try await program.run(shell: command(scratch.path("out"))).status == 0)
    try expectSame("out", as: "expected")
  }

  @Test("two runs at the same output: one writes it, the other says so")
  func two() async throws {
    let line = command(scratch.path("out"))
    let outcome = try await Program().run(shell: "\(line) > \(scratch.path("first")) & \(line); wait")
    #expect([0, HybridizeError.Category.output.exitCode].contains(outcome.status), "\(outcome.error)")
    #expect(try await Program().run(shell: command(scratch.path("expected"))).status == 0)
    try expectSame("out", as: "expected")
    #expect(scratch.entries() == ["expected", "first", "out"])
  }
}
