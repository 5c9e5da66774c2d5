import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// The time of each layer as a stack of its operations, as an SVG drawing.
struct LayerBars {
  let report: ProfileReport
  /// Shared by the pictures of a test, so that bars of different models compare.
  let axis: Axis

  /// Operations that are shown as one: more colours than these cannot be told apart.
  enum Group: String, CaseIterable {
    case linear = "linear layers"
    case attention
    case recurrence
    case convolution
    case small = "norms, rotary, element by element"
    case memory = "cache and copies"
    case other = "between operations"

    init(_ operation: Profile.Operation) {
      switch operation {
      case .linear: self = .linear
      case .attention: self = .attention
      case .recurrence: self = .recurrence
      case .convolution: self = .convolution
      case .norm, .rotary, .elementwise, .loss, .optimizer: self = .small
      case .cache, .memory: self = .memory
      case .other: self = .other
      }
    }

    /// The class that gives it its colour.
    var style: String { "g\((Self.allCases.firstIndex(of: self) ?? 0) + 1)" }
  }

  private struct Bar {
    let name: String
    let tick: String
    let isSoftmax: Bool
    let parts: [ModelPart?]
  }

  private static let left = 50.0
  private static let top = 34.0
  private static let width = LinePlot.width
  private static let plotHeight = 190.0
  static let height = top + plotHeight + 52

  static func axis(_ reports: [ProfileReport]) -> Axis {
    .linear(reports.flatMap { report in bars(report).map { time($0, report) } })
  }

  /// The mixers of original models.
  private static let originals = [SoftmaxAttentionSpecification.name, WindowedAttentionSpecification.name]

  /// The first and the last layer and every fifth have their number below.
  private static func bars(_ report: ProfileReport) -> [Bar] {
    let last = report.mixers.count - 1
    let layers = report.mixers.enumerated().map { index, mixer in
      Bar(
        name: "layer \(index), \(mixer)", tick: index % 5 == 0 && index + 2 < last || index == last ? "\(index)" : "",
        isSoftmax: Self.originals.contains(mixer), parts: [.mixer(layer: index), .feedForward(layer: index)])
    }
    let embedding = Bar(name: "embedding", tick: "in", isSoftmax: false, parts: [nil, .embedding])
    return [embedding] + layers + [Bar(name: "head", tick: "out", isSoftmax: false, parts: [.head])]
  }

  private static func time(_ bar: Bar, _ report: ProfileReport, _ group: Group? = nil) -> Double {
    let operations = Profile.Operation.allCases.filter { group == nil || Group($0) == group }
    return bar.parts.reduce(0) { sum, part in
      operations.reduce(sum) { $0 + report.perToken(report.nanoseconds(part, $1)) }
    }
  }

  var svg: String {
    let bars = Self.bars(report)
    // A gap before the layers and one after them.
    let step = (Self.width - Self.left) / (Double(bars.count) + 2)
    let thickness = min(28, max(2, step * 0.72))
    let floor = Self.top + Self.plotHeight
    var out = Markup.label(title, x: 0, y: 15, "title")
    for tick in axis.ticks {
      let y = floor - axis.place(tick) * Self.plotHeight
      out += Markup.line(Self.left, y, Self.width, y, "grid")
      out += Markup.label(BenchmarkPlots.grouped(tick), x: Self.left - 8, y: y + 4, anchor: "end")
    }
    for (index, bar) in bars.enumerated() {
      let gap = index == 0 ? 0.0 : index == bars.count - 1 ? 2 : 1
      let middle = Self.left + (Double(index) + gap + 0.5) * step
      out += drawn(bar, middle, thickness, floor)
      out += Markup.label(bar.tick, x: middle, y: floor + 26, anchor: "middle")
      if bar.isSoftmax {
        out += Markup.empty(
          "circle", ["cx": Markup.number(middle), "cy": Markup.number(floor + 9), "r": "2.5", "class": "kept"])
      }
    }
    out += Markup.line(Self.left, floor, Self.width, floor, "axis")
    out += Markup.label(
      "embedding (in), layers, head (out); a dot marks softmax attention", x: Self.left + (Self.width - Self.left) / 2,
      y: floor + 46,
      anchor: "middle", "caption")
    let size = "0 0 \(Markup.number(Self.width)) \(Markup.number(Self.height))"
    return Markup.element("svg", ["viewBox": size, "role": "img", "aria-label": title, "class": "plot"], out)
  }

  private var title: String {
    let total = BenchmarkPlots.grouped(report.perToken(report.profile.nanoseconds))
    return "\(report.model), \(report.test.name): \(total) µs a token"
  }

  private func drawn(_ bar: Bar, _ middle: Double, _ thickness: Double, _ floor: Double) -> String {
    var out = ""
    var below = 0.0
    for group in Group.allCases {
      let time = Self.time(bar, report, group)
      guard time > 0 else { continue }
      let (low, high) = (axis.place(below), axis.place(below + time))
      below += time
      let text = "\(bar.name): \(group.rawValue) \(NumberText.short(time)) µs a token"
      out += Markup.element(
        "rect",
        [
          "x": Markup.number(middle - thickness / 2), "y": NumberText.fixed(floor - high * Self.plotHeight, 2),
          "width": Markup.number(thickness), "height": NumberText.fixed((high - low) * Self.plotHeight, 2),
          "class": group.style,
        ], Markup.element("title", [:], Markup.escape(text)))
    }
    return out
  }

  /// What the colours mean, as HTML.
  static var legend: String {
    let keys = Group.allCases.map { group in
      Markup.element(
        "li", [:], Markup.element("i", ["class": "key \(group.style)"], "") + Markup.escape(group.rawValue))
    }
    return Markup.element("ul", ["class": "legend"], keys.joined())
  }
}
