import HybridizeCore
import HybridizeEvaluation
import Testing

@Suite("statistics of repeated measurements")
struct SampleStatisticsTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let values: [Double]
    let median: Double
    let deviation: Double

    var testDescription: String { "\(values)" }
  }

  @Test(
    "median and median absolute deviation",
    arguments: [
      Case(values: [7], median: 7, deviation: 0), Case(values: [4, 1], median: 2.5, deviation: 1.5),
      Case(values: [5, 1, 2], median: 2, deviation: 1), Case(values: [1, 1, 2, 2, 4, 6, 9], median: 2, deviation: 1),
    ])
  func medians(_ value: Case) {
    #expect(value.values.median == value.median)
    #expect(value.values.medianAbsoluteDeviation == value.deviation)
  }

  @Test("an outlier moves the mean and its deviation, and not the median and its own", arguments: [1e-3, 1e6])
  func outlier(_ wild: Double) {
    let calm = [100, 102, 98, 101, 99.0]
    let disturbed = [100, 102, 98, 101, wild]
    #expect(abs(disturbed.mean - calm.mean) > 15 && disturbed.standardDeviation > 10 * calm.standardDeviation)
    #expect(abs(disturbed.median - calm.median) <= 1)
    #expect(abs(disturbed.medianAbsoluteDeviation - calm.medianAbsoluteDeviation) <= 1)
  }

  @Test("what slows both of a pair does not widen the interval of their ratio")
  func pairs() throws {
    let base = [100, 50, 100, 80, 10, 99, 60.0]
    let interval = try #require(PairedRatio(of: base.map { 2 * $0 }, over: base).interval)
    #expect(interval == 2...2)
    let unpaired = try #require(PairedRatio(of: base.reversed().map { 2 * $0 }, over: base).interval)
    #expect(unpaired.upperBound - unpaired.lowerBound > 0.5)
  }

  @Test("the interval is of the ratio of medians, the same every time, and holds it")
  func interval() throws {
    let ratio = PairedRatio(of: [20, 22, 18, 1000, 21], over: [10, 10, 10, 10, 10])
    #expect(ratio.value == 2.1)
    let interval = try #require(ratio.interval)
    #expect(interval.contains(ratio.value) && interval.lowerBound >= 1.8)
    #expect(ratio == PairedRatio(of: [20, 22, 18, 1000, 21], over: [10, 10, 10, 10, 10]))
  }

  @Test("two repetitions have no interval")
  func few() {
    #expect(PairedRatio(of: [4, 6], over: [2, 2]).value == 2.5)
    #expect(PairedRatio(of: [4, 6], over: [2, 2]).interval == nil)
  }
}
