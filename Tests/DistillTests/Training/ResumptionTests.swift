import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("a training that is interrupted")
struct ResumptionTests {
  static let steps = 11

  private func expectSame(_ run: TrainingRun, _ found: TrainingRun.Result, _ expected: TrainingRun.Result) throws {
    #expect(found.objective.values == expected.objective.values)
    #expect(found.lines == expected.lines)
    #expect(try run.log() == found.outcome.lines, "each step once")
    #expect(run.scratch.entries("training") == ["loss.jsonl", "loss.svg", "training.safetensors"])
  }

  @Test("at any step goes on to the same bits", arguments: 0...steps, TrainingRun.backends)
  func anyStep(_ step: Int, _ backend: String) throws {
    let run = try TrainingRun(.toy(steps: Self.steps), on: backend)
    run.saving = .everySteps(3)
    let expected = try run.uninterrupted()
    if step < Self.steps {
      expectProblem(.unreadable) { try run.run(ToyText(cutAt: step)) }
    } else {
      _ = try run.run()
    }
    let resumed = try run.run(resuming: true)
    #expect(resumed.outcome.resumedAt == (step < Self.steps ? step / 3 * 3 : Self.steps))
    try expectSame(run, resumed, expected)
    // A second time, there is nothing left to do.
    let again = try run.run(resuming: true)
    #expect(again.outcome.resumedAt == Self.steps)
    try expectSame(run, again, expected)
  }

  @Test("again and again, after every step, goes on to the same bits")
  func everyStep() throws {
    let run = try TrainingRun(.toy(steps: Self.steps), on: "cpu")
    let expected = try run.uninterrupted()
    for step in 0..<Self.steps { expectProblem(.unreadable) { try run.run(ToyText(cutAt: step), resuming: true) } }
    let resumed = try run.run(resuming: true)
    try expectSame(run, resumed, expected)
    let seconds = resumed.outcome.history.steps.map(\.seconds)
    #expect(seconds == seconds.sorted())
  }

  @Test("on a plateau it has ended, and ends there again")
  func plateau() throws {
    var settings = TrainingSettings.toy(steps: 60, rate: 0)
    settings.plateau = TrainingSettings.Plateau(evaluations: 2, improvement: 0)
    let run = try TrainingRun(settings)
    let first = try run.run()
    let second = try run.run(resuming: true)
    #expect(first.outcome.end == .plateau && second.outcome.end == .plateau && second.outcome.steps == 8)
  }

  @Test("is saved every so many seconds, whatever the steps take")
  func seconds() throws {
    let run = try TrainingRun(.toy(steps: Self.steps))
    run.heldOut = []
    run.saving = .everySeconds(10)
    var now = 0.0
    run.clock = { now }
    // A step takes four seconds, so that the third and the sixth are saved.
    let text = ToyText(cutAt: 7) { _ in now += 4 }
    expectProblem(.unreadable) { try run.run(text) }
    let resumed = try run.run(resuming: true)
    #expect(resumed.outcome.resumedAt == 6)
    #expect(resumed.outcome.history.steps.map(\.seconds) == [4, 8, 12, 16, 20, 24, 24, 24, 24, 24, 24])
  }

  /// Each in a process of its own, which the timer ends without a word.
  @Test("by a kill at any moment goes on to the same bits", arguments: 0..<8)
  func killed(_ seed: Int) async throws {
    let run = try TrainingRun(.toy(steps: 40), on: "cpu")
    let expected = try run.uninterrupted()
    var generator = SeededGenerator(seed: UInt64(seed), stream: "moments")
    for _ in 0..<2 {
      let (path, microseconds) = (run.directory, 1 + generator.index(below: 300_000))
      await #expect(processExitsWith: .signal(SIGALRM)) { [path = path as String, microseconds = microseconds as Int] in
        let run = try TrainingRun(.toy(steps: 40), on: "cpu")
        ualarm(UInt32(microseconds), 0)
        _ = try run.run(resuming: true, at: path)
        pause()
      }
    }
    try expectSame(run, try run.run(resuming: true), expected)
  }

  @Test("by a kill within a step goes on to the same bits", arguments: [0, 1, 5, 10])
  func killedWithin(_ step: Int) async throws {
    let run = try TrainingRun(.toy(steps: Self.steps))
    let (path, expected) = (run.directory, try run.uninterrupted())
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, step = step as Int] in
      let run = try TrainingRun(.toy(steps: ResumptionTests.steps))
      _ = try run.run(ToyText { if $0 == step { kill(getpid(), SIGKILL) } }, at: path)
    }
    let resumed = try run.run(resuming: true)
    #expect(resumed.outcome.resumedAt == step)
    try expectSame(run, resumed, expected)
  }

  @Test("what a killed process has left beside its files is removed")
  func leftovers() throws {
    let run = try TrainingRun(.toy(steps: 3))
    _ = run.scratch.makeDirectory("training")
    for name in [".training.safetensors.partial-01234567", ".loss.svg.partial-89abcdef"] {
      run.scratch.write("training/\(name)", "half")
    }
    run.scratch.write("training/mine", "precious")
    _ = try run.run()
    #expect(run.scratch.entries("training") == ["loss.jsonl", "loss.svg", "mine", "training.safetensors"])
  }

  /// In a process of its own, because the limit holds for a whole process.
  @Test("by a full disk leaves the state that was there, and goes on to the same bits")
  func fullDisk() async throws {
    let run = try TrainingRun(.toy(steps: Self.steps))
    let expected = try run.uninterrupted()
    expectProblem(.unreadable) { try run.run(ToyText(cutAt: 5)) }
    let bytes = run.scratch.bytes(run.checkpoint)
    let path = run.directory
    await #expect(processExitsWith: .success) { [path = path as String] in
      signal(SIGXFSZ, SIG_IGN)
      let run = try TrainingRun(.toy(steps: ResumptionTests.steps))
      var limit = rlimit(rlim_cur: 3000, rlim_max: 3000)
      #if canImport(Glibc)
        let kind = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      #else
        let kind = RLIMIT_FSIZE
      #endif
      guard setrlimit(kind, &limit) == 0 else { exit(10) }
      let error = expectProblem(.cannotWrite) { try run.run(resuming: true, at: path) }
      guard error?.file == path + "/training.safetensors", error?.found == "File too large" else { exit(11) }
    }
    #expect(run.scratch.bytes(run.checkpoint) == bytes)
    #expect(run.scratch.entries("training") == ["loss.jsonl", "loss.svg", "training.safetensors"])
    try expectSame(run, try run.run(resuming: true), expected)
  }

  // MARK: What is not gone on with

  @Test("with other settings, inputs or parameters is refused, and what differs is named")
  func others() throws {
    let run = try TrainingRun(.toy(steps: Self.steps))
    expectProblem(.unreadable) { try run.run(ToyText(cutAt: 5)) }
    let bytes = run.scratch.bytes(run.checkpoint)
    func expectRefused(_ words: [String], _ change: (TrainingRun) -> Void) throws {
      let other = try TrainingRun(.toy(steps: Self.steps))
      change(other)
      let error = expectProblem(.otherTraining) { try other.run(resuming: true, at: run.directory) }
      #expect(error?.file == run.scratch.path(run.checkpoint))
      for word in words { #expect(error?.description.contains(word) == true, "\(word) in \(error?.description ?? "")") }
    }
    try expectRefused(["mixer_rate 0.05", "mixer_rate 0.5"]) { $0.settings.mixerRate = 0.5 }
    try expectRefused(["tokens 132", "tokens 144", "clip 1", "clip null"]) {
      $0.settings.tokens += 12
      $0.settings.clip = nil
    }
    try expectRefused(["teacher student texts", "other texts"]) { $0.fingerprint = "other texts" }
    try expectRefused(["norm.weight\"", "expected: no such tensor"]) { $0.parameters.removeLast() }
    try expectRefused(["\"parameter.new\"", "no such tensor"]) {
      $0.parameters.append(Pull.Parameter(name: "new", group: .rest, rows: 1, columns: 1))
    }
    try expectRefused(["\"parameter.mixer.weight\"", "F64 [3, 2]", "F64 [2, 3]"]) {
      $0.parameters[0] = Pull.Parameter(name: "mixer.weight", group: .mixer, rows: 3, columns: 2)
    }
    try expectRefused(["\"best."]) { $0.heldOut = [] }
    let single = try TrainingRun(.toy(steps: Self.steps), on: "cpu")
    let error = expectProblem(.otherTraining) { try single.run(resuming: true, at: run.directory) }
    #expect(error?.expected == "F32 [2, 3]" && error?.found == "F64 [2, 3]")
    #expect(run.scratch.bytes(run.checkpoint) == bytes)
  }

  @Test("is refused where a byte of it is another, and the file is named", arguments: 0..<20)
  func damaged(_ seed: Int) throws {
    let run = try TrainingRun(.toy(steps: 5))
    expectProblem(.unreadable) { try run.run(ToyText(cutAt: 3)) }
    let bytes = run.scratch.bytes(run.checkpoint)
    var generator = SeededGenerator(seed: UInt64(seed), stream: "damage")
    for _ in 0..<10 {
      var damaged = bytes
      let place = generator.index(below: bytes.count)
      damaged[place] ^= UInt8(1 << generator.index(below: 8))
      run.scratch.write(run.checkpoint, damaged)
      do throws(HybridizeError) {
        _ = try run.run(resuming: true)
        Issue.record("byte \(place)")
      } catch {
        #expect(error.file == run.scratch.path(run.checkpoint), "byte \(place): \(error)")
      }
    }
  }

  @Test("is refused where a tensor is damaged, and the tensor is named")
  func damagedTensor() throws {
    let run = try TrainingRun(.toy(steps: 5))
    expectProblem(.unreadable) { try run.run(ToyText(cutAt: 3)) }
    let header = try SafetensorsHeader(HostFile(run.scratch.path(run.checkpoint)))
    let bytes = run.scratch.bytes(run.checkpoint)
    for tensor in header.tensors {
      var damaged = bytes
      damaged[try #require(header.range(of: tensor.name)).upperBound - 1] ^= 1
      run.scratch.write(run.checkpoint, damaged)
      #expect(expectProblem(.damagedTraining) { try run.run(resuming: true) }?.tensor == tensor.name)
    }
    run.scratch.write(run.checkpoint, Array(bytes.dropLast()))
    expectProblem(.truncatedData) { try run.run(resuming: true) }
  }
}
