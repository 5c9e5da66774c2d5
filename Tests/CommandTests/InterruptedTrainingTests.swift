import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a training that is interrupted")
struct InterruptedTrainingTests {
  let scratch = TemporaryDirectory()

  private func command(_ out: String) -> String {
    """
    hybridize distill \(Fixtures.model) \(scratch.path("hybrid")) \(out) --stage match --tokens 960 --batch 2 --length 40 \
    --eval-every 4 --text \(Fixtures.path("text/recall.jsonl.zst")) --cache \(scratch.path("cache")) --save-every 0 --quiet
    """
  }

  @Test(
    "killed over and over and resumed each time, it ends with the same bytes as one that was left alone", .tags(.slow))
  func killed() async throws {
    let hybrid = "hybridize convert \(Fixtures.model) \(scratch.path("hybrid")) --keep 0,6 --dtype f32 --quiet"
    #expect(try await Program().run(shell: hybrid).status == 0)
    // Texts are tokenised by a run that is not clocked.
    #expect(try await Program().run(shell: command(scratch.path("first"))).status == 0)
    let start = ContinuousClock.now
    #expect(try await Program().run(shell: command(scratch.path("expected"))).status == 0)
    let whole = (ContinuousClock.now - start).inSeconds
    let expected = scratch.bytes("expected/model.safetensors")

    var generator = SeededGenerator(seed: 9)
    var (kills, resumed) = (0, 0)
    var training = 0
    // On a machine that many tests share a kill may come before the first state is saved, again and again.
    while training < 6 || (training < 24 && !(kills > 3 && resumed > 2)) {
      let out = "out\(training)"
      training += 1
      var isDone = false
      var attempts = 0
      while !isDone {
        // The first run is never long enough; later ones are, some day, however slow the machine has become.
        let seconds = whole * generator.uniform(0, 0.5 + 0.1 * Double(attempts))
        attempts += 1
        let line = "timeout -s KILL \(seconds) \(command(scratch.path(out))) --resume --json"
        let outcome = try await Program().run(shell: line)
        if outcome.status == 0 {
          isDone = true
          if try outcome.json()["resumed_at"]?.integerValue ?? 0 > 0 { resumed += 1 }
          #expect(!scratch.entries().contains("\(out).training"))
        } else {
          #expect(outcome.error == "" || outcome.error.contains("Killed"), "a run that was killed, and nothing else")
          kills += 1
          // What has appeared is whole, also where the kill came before the run had cleared up behind itself.
          isDone = scratch.entries().contains(out)
        }
      }
      #expect(scratch.bytes("\(out)/model.safetensors") == expected)
    }
    #expect(kills > 3 && resumed > 2, "\(kills) kills, \(resumed) trainings that went on")
  }
}
