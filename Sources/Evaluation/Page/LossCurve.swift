import HybridizeCore

/// The loss of a training by its steps, as an SVG drawing that stands by itself.
package struct LossCurve {
  private let plot: LinePlot
  /// Points of a line beyond which a reader sees only noise.
  private static let mostPoints = 150

  /// - Parameters:
  ///   - training: step and loss, in order; many are drawn as means of some in a row.
  ///   - heldOut: step and loss.
  package init(title: String, training: [(Double, Double)], heldOut: [(Double, Double)]) {
    let group = max(1, (training.count + Self.mostPoints - 1) / Self.mostPoints)
    // What does not fill a group is at the beginning, as the end is what is read.
    let ends = stride(from: training.count, to: 0, by: -group).reversed()
    let means = ends.map { end in
      let part = training[max(0, end - group)..<end]
      return LinePlot.Point(x: part.map(\.0).mean, y: part.map(\.1).mean)
    }
    let best = heldOut.min { $0.1 < $1.1 }
    let series = [
      LinePlot.Series(
        name: group > 1 ? "training, mean of \(group) steps" : "training", slot: 0, points: means, form: .line),
      LinePlot.Series(
        name: "held-out text" + (best.map { ", at best \(NumberText.brief($0.1)) at step \(Int($0.0))" } ?? ""),
        slot: 1, points: heldOut.map { LinePlot.Point(x: $0.0, y: $0.1) }, form: .markers),
    ]
    plot = LinePlot(
      title: title, xTitle: "step", xUnit: "steps", xAxis: Axis.linear, xText: BenchmarkPlots.grouped,
      series: series.filter { !$0.points.isEmpty }, yText: NumberText.brief)
  }

  package var svg: String {
    let gap = 24.0
    return Markup.document(
      plot.title, width: LinePlot.width + 2 * gap, height: plot.height + 2 * gap, plot.svg(at: (x: gap, y: gap)))
  }
}
