import CKernels
import HybridizeCore

extension CPUBackend {
  /// Elements that are worth handing to another thread.
  static let elementsAPiece = 1 << 14

  func rowsAPiece(_ x: Tensor) -> Int { max(1, Self.elementsAPiece / max(x.columns, 1)) }

  public func rmsNorm(_ x: Tensor, gain: Weight, epsilon: Double, into out: Tensor) {
    precondition(x.hasShape(of: out), "rmsNorm: different shapes")
    let groups = groupsPerRow(x, width: gain.columns, gain)
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      let first = rows.lowerBound * x.columns
      kernels.rms_norm(
        x.floats + first, gain.floats, Float(epsilon), rows.count * groups, gain.columns, out.floats + first)
    }
  }

  public func l2Normalize(_ x: Tensor, groupSize: Int, epsilon: Double) {
    precondition(groupSize > 0 && x.columns % groupSize == 0, "l2Normalize: groups of \(groupSize) in \(x.columns)")
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      kernels.l2_normalize(
        x.floats + rows.lowerBound * x.columns, Float(epsilon), rows.count * (x.columns / groupSize), groupSize)
    }
  }

  public func silu(_ x: Tensor) {
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.silu(x.floats + range.lowerBound, range.count)
    }
  }

  public func multiplySiLU(_ gate: Tensor, into x: Tensor) {
    precondition(x.hasShape(of: gate), "multiplySiLU: different shapes")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.multiply_silu(x.floats + range.lowerBound, gate.floats + range.lowerBound, range.count)
    }
  }

  public func sigmoid(_ x: Tensor) {
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.sigmoid(x.floats + range.lowerBound, range.count)
    }
  }

  public func multiplySigmoid(_ gate: Tensor, into x: Tensor) {
    precondition(x.hasShape(of: gate), "multiplySigmoid: different shapes")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.multiply_sigmoid(x.floats + range.lowerBound, gate.floats + range.lowerBound, range.count)
    }
  }

  public func logSigmoid(_ x: Tensor, scale: Double) {
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.log_sigmoid(x.floats + range.lowerBound, Float(scale), range.count)
    }
  }

  public func scaleChannels(_ x: Tensor, gain: Weight) {
    let groups = groupsPerRow(x, width: gain.columns, gain)
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for group in rows.lowerBound * groups..<rows.upperBound * groups {
        kernels.multiply(x.floats + group * gain.columns, gain.floats, gain.columns)
      }
    }
  }

  public func logDecay(_ x: Tensor, logRate: Weight, bias: Weight, bound: Double?) {
    precondition(
      logRate.rows == 1 && logRate.columns > 0 && x.columns % logRate.columns == 0, "logDecay: wrong shape of logRate")
    precondition(bias.rows == 1 && bias.columns == x.columns, "logDecay: wrong shape of bias")
    precondition(bound.map { $0 < 0 } ?? true, "logDecay: a bound that is not negative")
    let heads = logRate.columns
    forEachPiece(of: x.rows, size: min(128, rowsAPiece(x))) { rows in
      kernels.log_decay(
        x.floats + rows.lowerBound * x.columns, logRate.floats, bias.floats, Float(bound ?? -.infinity), rows.count,
        heads, x.columns / heads)
    }
  }

  public func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    rotateRows(of: x, headDimension: headDimension, cosine: cosine, sine: sine, kernels.rotate)
  }

  /// Turns the heads of all rows, forth or back.
  func rotateRows(
    of x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor,
    _ turn: (UnsafeMutablePointer<Float>, Int, Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    x.checkRotation(headDimension: headDimension, cosine: cosine, sine: sine)
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for row in rows { Self.rotateRow(x, row, headDimension: headDimension, cosine: cosine, sine: sine, turn) }
    }
  }

  /// Turns the heads of one row; of each the first channels where there are angles for no more.
  static func rotateRow(
    _ x: Tensor, _ row: Int, headDimension: Int, cosine: Tensor, sine: Tensor,
    _ turn: (UnsafeMutablePointer<Float>, Int, Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    let (start, heads, turning) = (x.floats + row * x.columns, x.columns / headDimension, 2 * cosine.columns)
    let (c, s) = (cosine.floats + row * cosine.columns, sine.floats + row * cosine.columns)
    if turning == headDimension { return turn(start, heads, headDimension, c, s) }
    for head in 0..<heads { turn(start + head * headDimension, 1, turning, c, s) }
  }

  func groupsPerRow(_ x: Tensor, width: Int, _ gain: Weight) -> Int {
    precondition(gain.rows == 1 && width > 0 && x.columns % width == 0, "groups of \(width) in \(x.columns) columns")
    return x.columns / width
  }
}
