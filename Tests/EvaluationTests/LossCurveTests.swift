import HybridizeCore
import HybridizeEvaluation
import TestSupport
import Testing

@Suite("the curve of a loss")
struct LossCurveTests {
  /// A training of so many steps, with a look at held-out text every 50.
  static func curve(_ steps: Int) -> LossCurve {
    var generator = SeededGenerator(seed: 1, stream: "loss")
    func loss(_ step: Int) -> Double { 0.1 + 60 / Double(50 + step) }
    let training = (1...steps).map { (Double($0), loss($0) + generator.uniform(-0.05, 0.05)) }
    let heldOut = stride(from: 0, through: steps, by: 50).map { (Double($0), loss($0) + 0.02) }
    return LossCurve(title: "align: loss by step", training: training, heldOut: heldOut)
  }

  /// The places of the line.
  private static func line(_ svg: String) throws -> [(Double, Double)] {
    let points = try #require(svg.firstMatch(of: /<polyline points="([^"]*)"/)).1
    return points.split(separator: " ").map { point in
      let parts = point.split(separator: ",").compactMap { Double($0) }
      return (parts[0], parts[1])
    }
  }

  @Test(
    "is a drawing with a line for the training and a marker for each look at held-out text", arguments: [1, 100, 976])
  func drawing(_ steps: Int) throws {
    let svg = Self.curve(steps).svg
    let reading = MarkupReading(svg)
    #expect(reading.failure == nil)
    #expect(reading.elements["svg"] == 1 && reading.elements["style"] == 1 && reading.elements["polyline"] == 1)
    // Each look, and the legend.
    #expect(reading.elements["rect"] == 1 + steps / 50 + 1 + 1)
    let best = ["1.32 at step 0", "0.52 at step 100", "0.18 at step 950"][min(2, steps / 100)]
    for text in ["align: loss by step", "held-out text, at best \(best)", "step", "training"] {
      #expect(reading.text.contains(text), "\(text)")
    }
    #expect(!svg.lowercased().contains("nan") && !svg.contains("inf"))
    let places = try Self.line(svg).map(\.0)
    #expect(places == places.sorted() && places.count <= 150 && places.count >= min(steps, 75))
    #expect(reading.text.contains("mean of") == (steps > 150))
  }

  @Test("falls where the loss does, and means lie within what they are means of")
  func means() throws {
    let falling = LossCurve(title: "t", training: (1...1000).map { (Double($0), 1000 - Double($0)) }, heldOut: [])
    let places = try Self.line(falling.svg)
    // 142 groups of seven, and six steps before them.
    #expect(places.count == 143)
    for (place, next) in zip(places, places.dropFirst()) { #expect(place.0 < next.0 && place.1 < next.1) }
    #expect(MarkupReading(falling.svg).text.contains("mean of 7 steps"))
    // The last group is of steps 994 to 1,000: losses 6 to 0.
    #expect(falling.svg.contains(">3</text>"))
  }

  @Test("of nothing is a drawing too")
  func nothing() {
    let empty = LossCurve(title: "t", training: [], heldOut: [])
    #expect(MarkupReading(empty.svg).failure == nil)
    #expect(MarkupReading(LossCurve(title: "t", training: [], heldOut: [(0, 1)]).svg).elements["polyline"] == nil)
  }

  @Test("over many sizes has a logarithmic axis")
  func logarithmic() {
    let curve = LossCurve(title: "t", training: (1...20).map { (Double($0), 64 / Double($0 * $0)) }, heldOut: [])
    let text = MarkupReading(curve.svg).text
    #expect(text.contains("0.25") && text.contains("64"))
  }
}
