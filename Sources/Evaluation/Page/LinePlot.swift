/// Lines over a common axis, as an SVG drawing.
package struct LinePlot {
  package struct Point {
    let x: Double
    let y: Double
    /// Half the length of the bar that shows how far measurements lie apart.
    let deviation: Double

    package init(x: Double, y: Double, deviation: Double = 0) {
      self.x = x
      self.y = y
      self.deviation = deviation
    }
  }

  package struct Series {
    let name: String
    /// Which colour and marker: the place of the model among all. Where colours are used up they come again, dashed.
    let slot: Int
    let points: [Point]
    let form: Form

    package init(name: String, slot: Int, points: [Point], form: Form = .markedLine) {
      self.name = name
      self.slot = slot
      self.points = points
      self.form = form
    }
  }

  package enum Form {
    case markedLine
    /// For so many points that markers would hide them.
    case line
    case markers
    /// Beside the subject: dashed, without markers.
    case aside

    var hasLine: Bool { self != .markers }
    var hasMarkers: Bool { self == .markedLine || self == .markers }
  }

  let title: String
  let xTitle: String
  /// What the points lie along: the unit, after a value.
  let xUnit: String
  let xAxis: ([Double]) -> Axis
  let xText: (Double) -> String
  let series: [Series]
  let yText: (Double) -> String

  package init(
    title: String, xTitle: String, xUnit: String = "tokens",
    xAxis: @escaping ([Double]) -> Axis = { Axis.logarithmic($0) },
    xText: @escaping (Double) -> String = BenchmarkPlots.tokens, series: [Series], yText: @escaping (Double) -> String
  ) {
    self.title = title
    self.xTitle = xTitle
    self.xUnit = xUnit
    self.xAxis = xAxis
    self.xText = xText
    self.series = series
    self.yText = yText
  }

  package static let width = 560.0
  static var height: Double { 340 }
  private static let left = 66.0
  private static let right = 78.0
  private static let bottom = 46.0

  private var top: Double { 40 + 18 * Double(series.count) }
  private var plotWidth: Double { Self.width - Self.left - Self.right }
  private var plotHeight: Double { height - top - Self.bottom }
  private var points: [Point] { series.flatMap(\.points) }

  /// Taller with each line of the legend, so that the plots stay alike.
  var height: Double { Self.height + 18 * Double(max(0, series.count - 2)) }

  /// - Parameter origin: of the drawing within another one; `nil` for one that stands by itself.
  package func svg(at origin: (x: Double, y: Double)? = nil) -> String {
    let xAxis = xAxis(points.map(\.x))
    let yAxis = Axis.fitting(points.flatMap { [$0.y - $0.deviation, $0.y + $0.deviation] })
    let content =
      Markup.label(title, x: 0, y: 15, "title") + legend + grid(xAxis, yAxis)
      + series.map { drawn($0, xAxis, yAxis) }.joined() + ends(xAxis, yAxis)
    let size = "0 0 \(Markup.number(Self.width)) \(Markup.number(height))"
    guard let origin else {
      return Markup.element("svg", ["viewBox": size, "role": "img", "aria-label": title, "class": "plot"], content)
    }
    return Markup.element("g", ["transform": "translate(\(Int(origin.x)) \(Int(origin.y)))"], content)
  }

  private func x(_ value: Double, _ axis: Axis) -> Double { Self.left + axis.place(value) * plotWidth }
  private func y(_ value: Double, _ axis: Axis) -> Double { top + (1 - axis.place(value)) * plotHeight }

  private var legend: String {
    series.enumerated().map { index, series in
      let y = 34 + 18 * Double(index)
      let key = series.form.hasLine ? Markup.line(2, y, 26, y, style(series)) : ""
      let marker = series.form.hasMarkers ? Self.marker(series.slot, 14, y) : ""
      return key + marker + Markup.label(series.name, x: 34, y: y + 4, "legend")
    }.joined()
  }

  private func grid(_ xAxis: Axis, _ yAxis: Axis) -> String {
    let floor = top + plotHeight
    let end = Self.left + plotWidth
    var out = ""
    for tick in yAxis.ticks {
      let place = y(tick, yAxis)
      out += Markup.line(Self.left, place, end, place, "grid")
      out += Markup.label(yText(tick), x: Self.left - 8, y: place + 4, anchor: "end")
    }
    out += Markup.line(Self.left, floor, end, floor, "axis")
    for tick in xAxis.ticks {
      let place = x(tick, xAxis)
      out += Markup.line(place, floor, place, floor + 4, "axis")
      out += Markup.label(xText(tick), x: place, y: floor + 18, anchor: "middle")
    }
    return out + Markup.label(xTitle, x: Self.left + plotWidth / 2, y: floor + 38, anchor: "middle", "caption")
  }

  private func style(_ series: Series) -> String {
    if series.form == .aside { return "line aside" }
    return "line \(Self.colour(series.slot))" + (series.slot >= PageStyle.colours ? " again" : "")
  }

  private static func colour(_ slot: Int) -> String { "s\(slot % PageStyle.colours + 1)" }

  private func drawn(_ series: Series, _ xAxis: Axis, _ yAxis: Axis) -> String {
    let places = series.points.map { (x: x($0.x, xAxis), y: y($0.y, yAxis), point: $0) }
    let path = places.map { "\(Markup.number($0.x)),\(Markup.number($0.y))" }.joined(separator: " ")
    var out = series.form.hasLine ? Markup.empty("polyline", ["points": path, "class": style(series)]) : ""
    for place in places {
      let point = place.point
      if point.deviation > 0 {
        let (upper, lower) = (y(point.y + point.deviation, yAxis), y(point.y - point.deviation, yAxis))
        let bar = "line error \(Self.colour(series.slot))"
        out += Markup.line(place.x, upper, place.x, lower, bar)
        out += Markup.line(place.x - 4, upper, place.x + 4, upper, bar)
        out += Markup.line(place.x - 4, lower, place.x + 4, lower, bar)
      }
      let text = "\(series.name), \(xText(point.x)) \(xUnit): \(yText(point.y))"
      if series.form.hasMarkers {
        out += Markup.element(
          "g", [:], Markup.element("title", [:], Markup.escape(text)) + Self.marker(series.slot, place.x, place.y))
      }
    }
    return out
  }

  /// The value at the end of each line, moved apart where they would overlap, and once where several end in one point.
  private func ends(_ xAxis: Axis, _ yAxis: Axis) -> String {
    let last = series.compactMap(\.points.last)
    // One below the other, also where a line ends before the others.
    let edge = last.map { x($0.x, xAxis) }.max() ?? 0
    let labels = last.map { (y: y($0.y, yAxis), text: yText($0.y)) }.sorted { $0.y < $1.y }
    var (free, out) = (-Double.infinity, "")
    for (index, label) in labels.enumerated() {
      if index > 0, labels[index - 1].text == label.text, label.y - labels[index - 1].y < 1 { continue }
      let place = max(label.y, free)
      free = place + 14
      out += Markup.label(label.text, x: edge + 10, y: place + 4, "value")
    }
    return out
  }

  /// A shape of its own for each model, as not everybody tells the colours apart.
  static func marker(_ slot: Int, _ x: Double, _ y: Double) -> String {
    let style = "marker \(colour(slot))"
    func number(_ value: Double) -> String { Markup.number(value) }
    func polygon(_ points: [(Double, Double)]) -> String {
      let text = points.map { "\(number(x + $0.0)),\(number(y + $0.1))" }.joined(separator: " ")
      return Markup.empty("polygon", ["points": text, "class": style])
    }
    switch slot % 4 {
    case 0: return Markup.empty("circle", ["cx": number(x), "cy": number(y), "r": "4.5", "class": style])
    case 1:
      return Markup.empty(
        "rect", ["x": number(x - 4), "y": number(y - 4), "width": "8", "height": "8", "class": style])
    case 2: return polygon([(0, -5.5), (5, 4), (-5, 4)])
    default: return polygon([(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)])
    }
  }
}
