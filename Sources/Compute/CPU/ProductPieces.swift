/// How a matrix of sums is cut into items of work, each a block of rows and a panel of columns whose operands are packed
/// anew. What a sum adds up to does not depend on it.
///
/// As even as can be, as the slowest thread decides: of the cuts into whole steps, the one that leaves it the least to
/// do.
package struct ProductPieces {
  package let count: Int
  package let rowsABlock: Int
  private let columnsAPanel: Int
  private let rows: Int
  private let columns: Int
  private let panels: Int

  /// - Parameter mostRows: a block has.
  package init(rows: Int, columns: Int, mostRows: Int, threads: Int) {
    var best: (cost: Int, height: Int, width: Int) = (.max, 1, 1)
    let fewest = max(1, Self.pieces(rows, of: mostRows))
    for blocks in fewest...fewest + threads {
      for panels in 1...threads {
        let height = Self.share(of: rows, among: blocks, step: Self.rowStep)
        let width = Self.share(of: columns, among: panels, step: Self.columnStep)
        let items = Self.pieces(rows, of: height) * Self.pieces(columns, of: width)
        let cost = Self.pieces(items, of: threads) * (height + Self.packing) * (width + Self.packing)
        if cost < best.cost { best = (cost, height, width) }
      }
    }
    self.rows = rows
    self.columns = columns
    (rowsABlock, columnsAPanel) = (best.height, best.width)
    panels = Self.pieces(columns, of: columnsAPanel)
    count = Self.pieces(rows, of: rowsABlock) * panels
  }

  package subscript(item: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (block, panel) = (item / panels, item % panels)
    return (
      block * rowsABlock..<min(rows, (block + 1) * rowsABlock),
      panel * columnsAPanel..<min(columns, (panel + 1) * columnsAPanel)
    )
  }

  /// Whole blocks of registers of every instruction set.
  private static let rowStep = 12
  /// Whole strips of every instruction set, and whole blocks of quantised weights.
  private static let columnStep = 32
  /// Packing an operand costs about as much as so many more rows or columns.
  private static let packing = 8

  private static func pieces(_ count: Int, of size: Int) -> Int { (count + size - 1) / size }

  private static func share(of count: Int, among parts: Int, step: Int) -> Int {
    max(1, pieces(pieces(count, of: parts), of: step)) * step
  }
}
