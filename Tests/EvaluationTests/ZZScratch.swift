import Foundation
import HybridizeEvaluation
import Testing

@Suite struct ZZScratch {
  @Test func draw() throws {
    for steps in [1, 120, 976] {
      try LossCurveTests.curve(steps).svg.write(toFile: "/tmp/w/loss-\(steps).svg", atomically: true, encoding: .utf8)
    }
  }
}
