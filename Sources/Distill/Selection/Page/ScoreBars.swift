import HybridizeCore
import HybridizeEvaluation

/// The score of every layer of a selection, as an SVG drawing.
struct ScoreBars {
  let selection: Selection

  private static let left = 66.0
  private static let top = 34.0
  private static let plotHeight = 190.0
  private static let height = top + plotHeight + 48

  private var values: [Double] { selection.layers.map { $0.score.isFinite ? $0.score : 0 } }

  var svg: String {
    let high = Axis.linear(values)
    let low = values.contains { $0 < 0 } ? Axis.linear(values.map { -$0 }).high : 0
    func y(_ value: Double) -> Double { Self.top + (high.high - value) / (high.high + low) * Self.plotHeight }
    let step = (LinePlot.width - Self.left) / Double(max(1, values.count))
    let thickness = min(34, step * 0.72)
    var out = Markup.label("\(selection.method): score by layer", x: 0, y: 15, "title")
    for tick in high.ticks {
      out += Markup.line(Self.left, y(tick), LinePlot.width, y(tick), "grid")
      out += Markup.label(NumberText.brief(tick), x: Self.left - 8, y: y(tick) + 4, anchor: "end")
    }
    for (place, layer) in selection.layers.enumerated() {
      let middle = Self.left + (Double(place) + 0.5) * step
      out += bar(layer, middle, thickness, from: y(0), to: y(values[place]))
      if selection.layers.count <= 16 || place % 5 == 0 {
        out += Markup.label("\(layer.index)", x: middle, y: Self.top + Self.plotHeight + 18, anchor: "middle")
      }
    }
    out += Markup.line(Self.left, y(0), LinePlot.width, y(0), "axis")
    out += Markup.label(
      "layer", x: (Self.left + LinePlot.width) / 2, y: Self.top + Self.plotHeight + 38, anchor: "middle", "caption")
    let size = "0 0 \(Markup.number(LinePlot.width)) \(Markup.number(Self.height))"
    return Markup.element(
      "svg", ["viewBox": size, "role": "img", "aria-label": "\(selection.method): score by layer", "class": "plot"], out
    )
  }

  private func bar(_ layer: Selection.Layer, _ middle: Double, _ width: Double, from zero: Double, to end: Double)
    -> String
  {
    let style = selection.ties.contains(layer.index) ? "g2" : selection.keep.contains(layer.index) ? "g1" : "g7"
    let frequency = layer.frequency.map { ", chosen in \(NumberText.fixed(100 * $0, 1)) % of draws" } ?? ""
    return Markup.element(
      "rect",
      [
        "x": Markup.number(middle - width / 2), "y": NumberText.fixed(min(zero, end), 2),
        "width": Markup.number(width), "height": NumberText.fixed(max(0.5, abs(end - zero)), 2), "class": style,
      ],
      Markup.element("title", [:], Markup.escape("layer \(layer.index): \(NumberText.short(layer.score))\(frequency)")))
  }

  /// What the colours mean.
  static var legend: String {
    let keys = [("g1", "kept"), ("g7", "converted"), ("g2", "a tie: draws of the text disagree")]
    return Markup.element(
      "ul", ["class": "legend"],
      keys.map { Markup.element("li", [:], Markup.element("i", ["class": "key \($0.0)"], "") + Markup.escape($0.1)) }
        .joined())
  }
}
