import HybridizeCore
import Testing

@Suite("the largest magnitude")
struct LargestMagnitudeTests {
  @Test("is that of the number farthest from zero")
  func numbers() {
    #expect([Double]().largestMagnitude == 0)
    #expect([1.5, -3, 2].largestMagnitude == 3)
    #expect([1, -.infinity].largestMagnitude == .infinity)
  }

  @Test("is no number if one is none, wherever it stands", arguments: 0..<3)
  func notANumber(_ place: Int) {
    var values = [1.0, .infinity, -2]
    values[place] = .nan
    #expect(values.largestMagnitude.isNaN)
  }
}
