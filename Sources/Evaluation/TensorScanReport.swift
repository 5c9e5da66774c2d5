import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// A scan as JSON, to be put into an inspection's, and as text.
extension TensorScan {
  /// Members for the entry of each tensor, in order.
  var json: [JSONObject] {
    entries.map { entry in
      var object = JSONObject()
      if let statistics = entry.statistics { object["stats"] = .object(Self.json(statistics)) }
      if let sha256 = entry.sha256 { object["sha256"] = .string(sha256) }
      return object
    }
  }

  private static func json(_ statistics: ValueStatistics) -> JSONObject {
    func number(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }
    let histogram = statistics.histogram
    return [
      "count": .integer(statistics.count), "nan": .integer(statistics.notNumbers),
      "infinite": .integer(statistics.infinities), "zeros": .integer(statistics.zeros),
      "min": number(statistics.least), "max": number(statistics.greatest), "mean": number(statistics.mean),
      "standard_deviation": number(statistics.standardDeviation),
      "histogram": .object([
        "first_exponent": .integer(histogram.firstExponent),
        "counts": .array(histogram.counts.map { .integer($0) }),
      ]),
    ]
  }

  /// Every tensor on a line.
  public var text: String {
    let withStatistics = entries.contains { $0.statistics != nil }
    let withDigests = entries.contains { $0.sha256 != nil }
    var columns: [(title: String, alignment: TextTable.Alignment)] = [("tensor", .left), ("type", .left)]
    if withStatistics {
      columns += [
        ("min", .right), ("max", .right), ("mean", .right), ("deviation", .right), ("zeros", .right), ("NaN", .right),
        ("infinite", .right), ("magnitudes", .left),
      ]
    }
    if withDigests { columns.append(("sha-256", .left)) }
    var table = TextTable(columns)
    for entry in entries {
      var cells = [entry.tensor.name, entry.tensor.elementType.rawValue]
      if withStatistics { cells += entry.statistics.map(Self.cells) ?? Array(repeating: "-", count: 8) }
      if withDigests { cells.append(entry.sha256 ?? "-") }
      table.add(cells)
    }
    return table.text
      + (withStatistics ? "magnitudes: how many values in each power of two, between the two that are named\n" : "")
  }

  private static func cells(_ statistics: ValueStatistics) -> [String] {
    func number(_ value: Double?) -> String { value.map(NumberText.short) ?? "-" }
    return [
      number(statistics.least), number(statistics.greatest), number(statistics.mean),
      number(statistics.standardDeviation), NumberText.grouped(statistics.zeros),
      NumberText.grouped(statistics.notNumbers), NumberText.grouped(statistics.infinities), bars(statistics),
    ]
  }

  /// `2^-14 ▁▃▇█▂ 2^1`: powers of two that hold less than a thousandth of the values at either end are left out.
  private static func bars(_ statistics: ValueStatistics) -> String {
    let (firstExponent, counts) = statistics.histogram
    let least = counts.reduce(0, +) / 1000
    guard let first = counts.firstIndex(where: { $0 > least }), let last = counts.lastIndex(where: { $0 > least }),
      let most = counts.max()
    else { return "" }
    let bars = Array("▁▂▃▄▅▆▇█")
    let text = counts[first...last].map { String(bars[$0 * (bars.count - 1) / most]) }.joined()
    return "2^\(firstExponent + first) \(text) 2^\(firstExponent + last)"
  }
}
