import CKernels
import HybridizeCore

extension CPUBackend {
  // MARK: Norms and gains

  public func rmsNormGradient(
    _ x: Tensor, gain: Weight, epsilon: Double, gradient: Tensor, into xGradient: Tensor,
    addingTo gainGradient: Tensor?
  ) {
    x.checkSameShape(as: gradient, xGradient, in: "rmsNormGradient")
    gainGradient?.checkVector(columns: gain.columns, in: "rmsNormGradient")
    let groups = groupsPerRow(x, width: gain.columns, gain)
    forEachPiece(of: x, summing: gain.columns, into: gainGradient) { rows, sum in
      let first = rows.lowerBound * x.columns
      kernels.rms_norm_gradient(
        x.floats + first, gain.floats, Float(epsilon), gradient.floats + first, rows.count * groups, gain.columns,
        xGradient.floats + first, sum)
    }
  }

  public func l2NormalizeGradient(_ x: Tensor, groupSize: Int, epsilon: Double, inPlace gradient: Tensor) {
    x.checkSameShape(as: gradient, in: "l2NormalizeGradient")
    precondition(
      groupSize > 0 && x.columns % groupSize == 0, "l2NormalizeGradient: groups of \(groupSize) in \(x.columns)")
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      let first = rows.lowerBound * x.columns
      kernels.l2_normalize_gradient(
        x.floats + first, Float(epsilon), gradient.floats + first, rows.count * (x.columns / groupSize), groupSize)
    }
  }

  public func scaleChannelsGradient(
    _ x: Tensor, gain: Weight, inPlace gradient: Tensor, addingTo gainGradient: Tensor?
  ) {
    x.checkSameShape(as: gradient, in: "scaleChannelsGradient")
    gainGradient?.checkVector(columns: gain.columns, in: "scaleChannelsGradient")
    let groups = groupsPerRow(x, width: gain.columns, gain)
    forEachPiece(of: x, summing: gain.columns, into: gainGradient) { rows, sum in
      let first = rows.lowerBound * x.columns
      kernels.scale_gradient(
        x.floats + first, gain.floats, gradient.floats + first, rows.count * groups, gain.columns, sum)
    }
  }

  /// Calls `work` for pieces of the rows of x, each with zeros of its own to add to if there is a total; their sums are
  /// added to it in order.
  private func forEachPiece(
    of x: Tensor, summing width: Int, into total: Tensor?,
    _ work: (_ rows: Range<Int>, _ sum: UnsafeMutablePointer<Float>?) -> Void
  ) {
    let size = rowsAPiece(x)
    guard let total else { return forEachPiece(of: x.rows, size: size) { work($0, nil) } }
    let pieces = (x.rows + size - 1) / size
    let sums = pool.shared(floats: pieces * width)
    forEachPiece(of: x.rows, size: size) { rows in
      let sum = sums + rows.lowerBound / size * width
      sum.update(repeating: 0, count: width)
      work(rows, sum)
    }
    kernels.add_rows(sums, pieces, width, width, total.floats)
  }

  // MARK: Activations

  public func siluGradient(_ x: Tensor, inPlace gradient: Tensor) {
    x.checkSameShape(as: gradient, in: "siluGradient")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.silu_gradient(x.floats + range.lowerBound, gradient.floats + range.lowerBound, range.count)
    }
  }

  public func multiplySiLUGradient(_ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor) {
    x.checkSameShape(as: gate, gradient, gateGradient, in: "multiplySiLUGradient")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      let first = range.lowerBound
      kernels.multiply_silu_gradient(
        x.floats + first, gate.floats + first, gradient.floats + first, gateGradient.floats + first, range.count)
    }
  }

  public func sigmoidGradient(_ y: Tensor, inPlace gradient: Tensor) {
    y.checkSameShape(as: gradient, in: "sigmoidGradient")
    forEachPiece(of: y.elementCount, size: Self.elementsAPiece) { range in
      kernels.sigmoid_gradient(y.floats + range.lowerBound, gradient.floats + range.lowerBound, range.count)
    }
  }

  public func multiplySigmoidGradient(
    _ x: Tensor, gate: Tensor, inPlace gradient: Tensor, into gateGradient: Tensor
  ) {
    x.checkSameShape(as: gate, gradient, gateGradient, in: "multiplySigmoidGradient")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      let first = range.lowerBound
      kernels.multiply_sigmoid_gradient(
        x.floats + first, gate.floats + first, gradient.floats + first, gateGradient.floats + first, range.count)
    }
  }
}
