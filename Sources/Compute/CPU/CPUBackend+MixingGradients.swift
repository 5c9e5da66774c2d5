import CKernels
import HybridizeCore

extension CPUBackend {
  public func rotateGradient(_ gradient: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    rotateRows(of: gradient, headDimension: headDimension, cosine: cosine, sine: sine, kernels.rotate_back)
  }

  public func convolutionGradient(
    _ x: Tensor, weight: Weight, sequences: [Range<Int>], gradient: Tensor, into xGradient: Tensor,
    addingTo weightGradient: Tensor?
  ) {
    weight.checkConvolutionGradient(
      x, sequences: sequences, gradient: gradient, xGradient: xGradient, weightGradient: weightGradient)
    let kernel = weight.columns
    let channels = ck_convolution_channels
    let type = weight.kernelType
    let pieces = (x.columns + channels - 1) / channels
    // Those of the weight are summed sequence by sequence, in order.
    let sums = pool.shared(floats: sequences.count * pieces * kernel * channels)
    pool.run(sequences.count * pieces, scratch: 2 * kernel * channels) { item, scratch in
      let rows = sequences[item / pieces]
      let first = item % pieces * channels
      let count = min(channels, x.columns - first)
      let taps = scratch + kernel * channels
      kernels.widen(type, weight.row(first), count * kernel, taps)
      kernels.convolution_gradient(
        x.row(rows.lowerBound) + first, gradient.row(rows.lowerBound) + first, rows.count, count, x.columns, taps,
        kernel, xGradient.row(rows.lowerBound) + first, sums + item * kernel * channels, scratch)
    }
    guard let weightGradient else { return }
    for item in 0..<sequences.count * pieces {
      let first = item % pieces * channels
      for channel in 0..<min(channels, x.columns - first) {
        for tap in 0..<kernel {
          weightGradient.row(first + channel)[tap] += sums[(item * kernel + tap) * channels + channel]
        }
      }
    }
  }

  public func logDecayGradient(
    _ x: Tensor, logRate: Weight, bias: Weight, bound: Double?, inPlace gradient: Tensor,
    addingTo rateGradient: Tensor?, _ biasGradient: Tensor?
  ) {
    x.checkLogDecayGradient(
      logRate: logRate, bias: bias, bound: bound, gradient: gradient, rateGradient: rateGradient,
      biasGradient: biasGradient)
    let heads = logRate.columns
    let (columns, channels) = (x.columns, x.columns / heads)
    let rowsAPiece = min(128, rowsAPiece(x))
    let pieces = (x.rows + rowsAPiece - 1) / rowsAPiece
    let sums = pool.shared(floats: 2 * pieces * columns)
    forEachPiece(of: x.rows, size: rowsAPiece) { rows in
      let first = rows.lowerBound * columns
      let piece = sums + 2 * (rows.lowerBound / rowsAPiece) * columns
      kernels.log_decay_gradient(
        x.floats + first, logRate.floats, bias.floats, Float(bound ?? -.infinity), rows.count, heads, channels,
        gradient.floats + first, piece, piece + columns)
    }
    for piece in 0..<pieces {
      for column in 0..<columns {
        rateGradient?.floats[column / channels] += sums[2 * piece * columns + column]
        biasGradient?.floats[column] += sums[(2 * piece + 1) * columns + column]
      }
    }
  }

  public func logSigmoidGradient(_ x: Tensor, scale: Double, inPlace gradient: Tensor) {
    precondition(x.hasShape(of: gradient), "logSigmoid: wrong shape of a gradient")
    forEachPiece(of: x.elementCount, size: Self.elementsAPiece) { range in
      kernels.log_sigmoid_gradient(
        x.floats + range.lowerBound, Float(scale), range.count, gradient.floats + range.lowerBound)
    }
  }
}
