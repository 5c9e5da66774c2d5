import CKernels
import HybridizeCore

extension CPUBackend {
  public func embed(_ ids: [Int], _ table: Weight, into out: Tensor) {
    precondition(out.rows == ids.count && out.columns == table.columns, "embed: wrong shape of out")
    precondition(ids.allSatisfy { $0 >= 0 && $0 < table.rows }, "embed: an id beyond the table")
    let type = table.kernelType
    forEachPiece(of: ids.count, size: 32) { rows in
      for row in rows {
        kernels.widen(type, table.row(ids[row]), table.columns, out.floats + row * out.columns)
      }
    }
  }

  public func linear(_ x: Tensor, _ weight: Weight, into out: Tensor) {
    precondition(
      x.columns == weight.columns && out.rows == x.rows && out.columns == weight.rows,
      "linear: [\(x.rows), \(x.columns)] x [\(weight.rows), \(weight.columns)] into [\(out.rows), \(out.columns)]")
    if x.rows <= fewRows {
      multiplyFewRows(x, weight, into: out)
    } else {
      multiplyInPanels(x, weight, into: out)
    }
  }

  /// Rows up to which the weight is better read in its stored type, again and again from cache, than widened.
  private var fewRows: Int { instructionSet == .portable ? ck_gemv_rows : 4 * ck_gemv_rows }

  /// The weight is read from memory once and never widened there.
  private func multiplyFewRows(_ x: Tensor, _ weight: Weight, into out: Tensor) {
    let type = weight.kernelType
    let rowBytes = max(weight.rowBytes, 1)
    // Small enough to even out and to stay in cache for the next rows of x; whole tiles of the kernel.
    let piece = max(8, min(512 << 10, weight.byteCount / (2 * threads)) / rowBytes / 8 * 8)
    forEachPiece(of: weight.rows, size: piece) { outputs in
      for row in stride(from: 0, to: x.rows, by: ck_gemv_rows) {
        kernels.gemv(
          type, weight.row(outputs.lowerBound), outputs.count, weight.columns, x.floats + row * x.columns,
          min(ck_gemv_rows, x.rows - row), x.columns, out.floats + row * out.columns + outputs.lowerBound,
          out.columns)
      }
    }
  }

  /// Panels of the weight are packed into a thread's scratch memory, which stays in its cache, and multiplied with
  /// blocks of rows. The split depends on the shapes alone.
  private func multiplyInPanels(_ x: Tensor, _ weight: Weight, into out: Tensor) {
    let split = PanelSplit(rows: x.rows, outputs: weight.rows)
    pool.run(split.count, scratch: ck_linear_scratch(split.outputsPerPanel, weight.columns)) { item, scratch in
      let (outputs, rows) = split.piece(item)
      guard !outputs.isEmpty else { return }
      kernels.linear(
        weight.kernelType, weight.row(outputs.lowerBound), outputs.count, weight.columns,
        x.row(rows.lowerBound), rows.count, x.columns, out.row(rows.lowerBound) + outputs.lowerBound, out.columns,
        scratch)
    }
  }

  public func addBias(_ bias: Weight, to x: Tensor) {
    precondition(bias.rows == 1 && bias.columns == x.columns, "addBias: wrong shape of bias")
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for row in rows { kernels.add(x.floats + row * x.columns, bias.floats, x.columns) }
    }
  }

  public func add(_ y: Tensor, to x: Tensor) {
    precondition(x.hasShape(of: y), "add: different shapes")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.add(x.floats + range.lowerBound, y.floats + range.lowerBound, range.count)
    }
  }
}

/// How a product `[rows, inputs] x [outputs, inputs]^T` is cut: into panels of outputs, whole strips of every
/// instruction set, and blocks of rows.
package struct PanelSplit {
  let rows: Int
  let outputs: Int
  let outputsPerPanel: Int
  let rowsPerBlock: Int
  private let blocks: Int
  private let panels: Int

  package init(rows: Int, outputs: Int) {
    self.rows = rows
    self.outputs = outputs
    outputsPerPanel = min(Self.mostOutputs, outputs)
    panels = (outputs + Self.mostOutputs - 1) / Self.mostOutputs
    // Packing a panel costs as much as multiplying it with about ten rows.
    blocks = max(1, (rows + Self.mostRows / 2) / Self.mostRows)
    rowsPerBlock = (rows + blocks - 1) / blocks
  }

  /// Three strips of 32, the widest there are; at 384 inputs a packed panel takes 144 KiB.
  private static let mostOutputs = 96
  private static let mostRows = 256

  package var count: Int { panels * blocks }

  package func piece(_ item: Int) -> (outputs: Range<Int>, rows: Range<Int>) {
    let panel = item / blocks
    let block = item % blocks
    return (
      min(outputs, panel * outputsPerPanel)..<min(outputs, (panel + 1) * outputsPerPanel),
      min(rows, block * rowsPerBlock)..<min(rows, (block + 1) * rowsPerBlock)
    )
  }
}
