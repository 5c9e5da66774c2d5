/// A table as aligned text or as Markdown.
public struct TextTable: Sendable {
  public enum Alignment: Sendable {
    case left
    case right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  public init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

  /// - Precondition: one cell a column.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells in \(columns.count) columns")
    rows.append(cells.map(ErrorText.escape))
  }

  private func widths(_ rows: [[String]]) -> [Int] {
    columns.indices.map { index in ([columns[index].title] + rows.map { $0[index] }).map(\.count).max() ?? 0 }
  }

  /// Columns two spaces apart under their titles.
  public var text: String {
    let widths = widths(rows)
    return ([columns.map(\.title)] + rows).map { cells in
      var line = zip(cells, zip(widths, columns)).map { cell, column in
        Self.pad(cell, to: column.0, column.1.alignment)
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// A GitHub table, with cells padded so that the source reads well too.
  public var markdown: String {
    // A bar within a cell would end it.
    let rows = rows.map { row in
      row.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
    }
    let widths = widths(rows).map { max($0, 2) }
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    let rule = zip(widths, columns).map { width, column in
      String(repeating: "-", count: width - 1) + (column.alignment == .right ? ":" : "-")
    }
    return ([columns.map(\.title)] + rows).enumerated().map { index, cells in
      let row = line(zip(cells, zip(widths, columns)).map { Self.pad($0, to: $1.0, $1.1.alignment) })
      return index == 0 ? row + line(rule) : row
    }.joined()
  }

  private static func pad(_ text: String, to width: Int, _ alignment: Alignment) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return alignment == .left ? text + space : space + text
  }
}
