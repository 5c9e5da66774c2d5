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
