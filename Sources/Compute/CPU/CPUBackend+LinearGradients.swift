import CKernels
import HybridizeCore

extension CPUBackend {
  public func weight(sharing tensor: Tensor) -> Weight { tensor.sharedWeight(as: .float32) }

  public func linearInputGradient(
    _ gradients: [Tensor], _ weights: [Weight], adding: Bool, into xGradient: Tensor
  ) {
    xGradient.checkInputGradient(gradients, weights)
    let pieces = ProductPieces(
      rows: xGradient.rows, columns: xGradient.columns, mostRows: Self.rowsABlock, threads: threads)
    pool.run(pieces.count, scratch: ck_input_gradient_scratch(pieces.rowsABlock)) { item, scratch in
      let (rows, columns) = pieces[item]
      let target = xGradient.row(rows.lowerBound) + columns.lowerBound
      for (index, (gradient, weight)) in zip(gradients, weights).enumerated() {
        kernels.linear_input_gradient(
          weight.kernelType, weight.storage.address, weight.rows, weight.columns, columns.lowerBound, columns.count,
          gradient.row(rows.lowerBound), rows.count, gradient.columns, target, xGradient.columns,
          adding || index > 0 ? 1 : 0, scratch)
      }
    }
  }

  public func linearWeightGradient(_ x: Tensor, _ gradient: Tensor, addingTo weightGradient: Tensor) {
    weightGradient.checkWeightGradient(x, gradient)
    let pieces = ProductPieces(
      rows: weightGradient.rows, columns: weightGradient.columns, mostRows: Self.outputsABlock, threads: threads)
    pool.run(pieces.count, scratch: ck_weight_gradient_scratch(pieces.rowsABlock)) { item, scratch in
      let (outputs, inputs) = pieces[item]
      kernels.linear_weight_gradient(
        gradient.floats + outputs.lowerBound, outputs.count, gradient.columns, x.floats + inputs.lowerBound,
        inputs.count, x.columns, x.rows, weightGradient.row(outputs.lowerBound) + inputs.lowerBound,
        weightGradient.columns, scratch)
    }
  }

  /// At the depth of a strip they take up to 384 KiB.
  private static let rowsABlock = 252
  /// At the depth of a strip they take 192 KiB.
  private static let outputsABlock = 192

  public func biasGradient(_ gradient: Tensor, addingTo biasGradient: Tensor) {
    biasGradient.checkVector(columns: gradient.columns, in: "biasGradient")
    forEachPiece(of: gradient.columns, size: 128) { columns in
      kernels.add_rows(
        gradient.floats + columns.lowerBound, gradient.rows, gradient.columns, columns.count,
        biasGradient.floats + columns.lowerBound)
    }
  }

  /// Split by columns, as ids may be equal.
  public func embedGradient(_ ids: [Int], _ gradient: Tensor, addingTo tableGradient: Tensor) {
    tableGradient.checkTableGradient(ids, gradient)
    forEachPiece(of: gradient.columns, size: 64) { columns in
      for (row, id) in ids.enumerated() {
        kernels.add(
          tableGradient.row(id) + columns.lowerBound, gradient.row(row) + columns.lowerBound, columns.count)
      }
    }
  }
}
