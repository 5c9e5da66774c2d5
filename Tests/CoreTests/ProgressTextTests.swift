import HybridizeCore
import Testing

@Suite("progress as text")
struct ProgressTextTests {
  private let training = Progress.Update(
    task: "align", done: 312, total: 1000, detail: "loss 0.1234  2.1k tokens/s  4:32 left")

  @Test("is a line: what, how far, and what else is known")
  func line() {
    #expect(training.line == "align  312/1000  loss 0.1234  2.1k tokens/s  4:32 left")
    #expect(Progress.Update(task: "compare", done: 1, total: 2).line == "compare  1/2")
  }

  @Test(
    "is a bar as long as there is room for, and never wider than the terminal",
    arguments: [
      (200, "━━━━━━━━━─────────────────────"), (86, "━━━━━━━━━─────────────────────"),
      (80, "━━━━━━━─────────────────"), (65, "━━───────"), (64, "━━──────"),
    ])
  func bar(_ columns: Int, _ bar: String) {
    #expect(training.bar(columns: columns) == bar + " " + training.line)
    #expect(training.bar(columns: columns).count < columns)
  }

  @Test("is cut where the line alone has no room", arguments: [0, 1, 2, 30, 54, 55, 56, 63])
  func narrow(_ columns: Int) {
    let shown = training.bar(columns: columns)
    #expect(shown == String(training.line.prefix(max(0, columns - 1))))
  }

  @Test(
    "a bar is empty at the beginning, full at the end, and full of nothing",
    arguments: [(0, 7, 0), (7, 7, 30), (0, 0, 30)])
  func ends(_ done: Int, _ total: Int, _ filled: Int) {
    let bar = Progress.Update(task: "t", done: done, total: total).bar(columns: 80)
    #expect(bar.filter { $0 == "━" }.count == filled && bar.filter { $0 == "─" }.count == 30 - filled)
  }

  @Test("an update is the last when all is done, or when the work says so")
  func last() {
    #expect(!training.isLast && Progress.Update(task: "t", done: 2, total: 2).isLast)
    #expect(Progress.Update(task: "t", done: 1, total: 2, isLast: true).isLast)
  }

  /// The numbers of the updates that become lines, one update every `seconds`.
  private func lines(_ total: Int, every seconds: Double, endingAt end: Int? = nil) -> [Int] {
    var log = ProgressLog()
    return (1...(end ?? total)).filter { done in
      let update = Progress.Update(task: "t", done: done, total: total, isLast: done == end ? true : nil)
      let line = log.line(for: update, at: Double(done) * seconds)
      #expect(line == nil || line == update.line)
      return line != nil
    }
  }

  @Test("a log has ten lines of quick work, one a minute of slow work, and the last")
  func log() {
    #expect(lines(1000, every: 0.001) == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    #expect(lines(3, every: 1) == [1, 2, 3])
    #expect(lines(25, every: 0) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 25])
    #expect(lines(1000, every: 20, endingAt: 105) == Array(stride(from: 4, through: 100, by: 3)) + [103, 105])
  }
}

@Suite("numbers as people read them")
struct NumberTextTests {
  @Test(
    "rates have about two digits",
    arguments: [
      (0, "0.00"), (0.254, "0.25"), (9.99, "9.99"), (10, "10"), (850.4, "850"), (2099, "2.1k"), (12_345, "12k"),
      (1_230_000, "1.2M"), (57_000_000, "57M"), (.infinity, "inf"),
    ])
  func rate(_ value: Double, _ text: String) { #expect(NumberText.rate(value) == text) }

  @Test(
    "short numbers lose their empty decimals, and no others",
    arguments: [
      (0, "0"), (0.25, "0.25"), (16, "16"), (0.12344, "0.1234"), (100, "100"), (1000, "1000"), (-2.5, "-2.5"),
      (2e-5, "2e-5"), (1.5e20, "1.5e20"), (.nan, "nan"), (.infinity, "inf"),
    ])
  func brief(_ value: Double, _ text: String) { #expect(NumberText.brief(value) == text) }

  @Test(
    "durations are hours, minutes and seconds",
    arguments: [
      (0, "0:00"), (0.5, "0:01"), (59.4, "0:59"), (59.5, "1:00"), (272, "4:32"), (3599.6, "1:00:00"),
      (3872, "1:04:32"), (187_200, "52:00:00"), (-1, "?"), (.nan, "?"), (.infinity, "?"), (1e300, "?"),
    ])
  func duration(_ seconds: Double, _ text: String) { #expect(NumberText.duration(seconds) == text) }
}
