import CKernels
import HybridizeCore

extension CPUBackend {
  public func linear(_ x: Tensor, _ weight: Weight, into out: Tensor) { linear(x, [weight], into: [out]) }

  public func linear(_ x: Tensor, _ weights: [Weight], into outs: [Tensor]) {
    precondition(weights.count == outs.count, "linear: \(weights.count) weights for \(outs.count) outputs")
    for (weight, out) in zip(weights, outs) { check(x, weight, out) }
    let pieces = LinearPieces(rows: x.rows, weights, isFew: isFew(x.rows), threads: threads)
    pool.run(pieces.count, scratch: pieces.scratchFloats) { item, scratch in
      let piece = pieces[item]
      let target = outs[piece.weight].row(piece.rows.lowerBound) + piece.outputs.lowerBound
      multiply(x, weights[piece.weight], piece, into: target, stride: outs[piece.weight].columns, scratch)
    }
  }

  public func linear(_ x: Tensor, _ weight: Weight, addingTo out: Tensor) {
    check(x, weight, out)
    let pieces = LinearPieces(rows: x.rows, [weight], isFew: isFew(x.rows), threads: threads)
    pool.run(pieces.count, scratch: pieces.scratchFloats + pieces.largestPiece) { item, scratch in
      let piece = pieces[item]
      let target = out.row(piece.rows.lowerBound) + piece.outputs.lowerBound
      guard pieces.isFew else {
        return multiply(x, weight, piece, into: target, stride: out.columns, adding: true, scratch)
      }
      let width = piece.outputs.count
      multiply(x, weight, piece, into: scratch, stride: width, scratch)
      for index in 0..<piece.rows.count { kernels.add(target + index * out.columns, scratch + index * width, width) }
    }
  }

  /// The gate of a piece stays in a thread's cache until it is used.
  public func swiGLU(_ x: Tensor, gate: Weight, up: Weight, into out: Tensor) {
    check(x, gate, out)
    check(x, up, out)
    let pieces = LinearPieces(rows: x.rows, [gate], isFew: isFew(x.rows), threads: threads)
    let gateFloats = (pieces.largestPiece + 15) / 16 * 16
    pool.run(pieces.count, scratch: gateFloats + pieces.scratchFloats) { item, gated in
      let piece = pieces[item]
      let width = piece.outputs.count
      let target = out.row(piece.rows.lowerBound) + piece.outputs.lowerBound
      multiply(x, gate, piece, into: gated, stride: width, gated + gateFloats)
      multiply(x, up, piece, into: target, stride: out.columns, gated + gateFloats)
      for index in 0..<piece.rows.count {
        kernels.multiply_silu(target + index * out.columns, gated + index * width, width)
      }
    }
  }

  private func check(_ x: Tensor, _ weight: Weight, _ out: Tensor) {
    precondition(
      x.columns == weight.columns && out.rows == x.rows && out.columns == weight.rows,
      "linear: [\(x.rows), \(x.columns)] x [\(weight.rows), \(weight.columns)] into [\(out.rows), \(out.columns)]")
  }

  /// Whether the weight is better read in its stored type, again and again from cache, than packed.
  private func isFew(_ rows: Int) -> Bool { rows <= (instructionSet == .portable ? 1 : 4) * ck_gemv_rows }

  /// One piece of a linear layer.
  private func multiply(
    _ x: Tensor, _ weight: Weight, _ piece: LinearPieces.Piece, into target: UnsafeMutablePointer<Float>, stride: Int,
    adding: Bool = false, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (rows, outputs) = (piece.rows, piece.outputs)
    guard !outputs.isEmpty, !rows.isEmpty else { return }
    guard isFew(x.rows) else {
      return kernels.linear(
        weight.kernelType, weight.row(outputs.lowerBound), outputs.count, weight.columns, x.row(rows.lowerBound),
        rows.count, x.columns, target, stride, adding ? 1 : 0, scratch)
    }
    let together = Self.rowsTogether(weight.columns)
    for first in Swift.stride(from: 0, to: rows.count, by: together) {
      kernels.gemv(
        weight.kernelType, weight.row(outputs.lowerBound), outputs.count, weight.columns,
        x.row(rows.lowerBound + first), min(together, rows.count - first), x.columns, target + first * stride, stride)
    }
  }

  /// Rows of so many inputs that the first-level cache holds beside the weight that passes by.
  private static func rowsTogether(_ inputs: Int) -> Int {
    min(ck_gemv_rows, max(2, (24 << 10) / (inputs * MemoryLayout<Float>.stride)))
  }
}

/// How linear layers `[rows, inputs] x [outputs, inputs]^T` of one input are cut into items of work. What an output
/// adds up to does not depend on it.
///
/// Few rows: pieces of outputs alone, small enough to even out. Many: panels of outputs that are packed, whole strips
/// of every instruction set, and blocks of rows.
package struct LinearPieces {
  package struct Piece {
    package let weight: Int
    package let outputs: Range<Int>
    package let rows: Range<Int>
  }

  private struct Cut {
    let outputs: Int
    let outputsAPiece: Int
    let panels: Int
  }

  package let isFew: Bool
  package let count: Int
  /// Floats that products of a piece need.
  package let scratchFloats: Int
  private let rows: Int
  private let rowsABlock: Int
  private let blocks: Int
  private let cuts: [Cut]

  package init(rows: Int, _ weights: [Weight], isFew: Bool, threads: Int) {
    self.rows = rows
    self.isFew = isFew
    let share = weights.reduce(0) { $0 + $1.byteCount } / (2 * threads)
    cuts = weights.map { weight in
      // Whole tiles of the kernel.
      let few = max(8, min(Self.bytesAPiece, share) / max(weight.rowBytes, 1) / 8 * 8)
      let size = min(max(weight.rows, 1), isFew ? few : Self.outputsAPanel)
      return Cut(outputs: weight.rows, outputsAPiece: size, panels: (weight.rows + size - 1) / size)
    }
    // Packing a panel costs as much as multiplying it with about ten rows.
    blocks = isFew ? 1 : max(1, (rows + Self.rowsABlock / 2) / Self.rowsABlock)
    rowsABlock = (rows + blocks - 1) / blocks
    count = blocks * cuts.reduce(0) { $0 + $1.panels }
    scratchFloats =
      isFew ? 0 : zip(cuts, weights).map { ck_linear_scratch($0.outputsAPiece, $1.columns) }.max() ?? 0
  }

  private static let bytesAPiece = 256 << 10
  /// Three strips of 32, the widest there are; at 384 inputs a packed panel takes 144 KiB.
  private static let outputsAPanel = 96
  private static let rowsABlock = 256

  /// Results of a piece, at most.
  package var largestPiece: Int { rowsABlock * (cuts.map(\.outputsAPiece).max() ?? 0) }

  package subscript(item: Int) -> Piece {
    var (panel, block) = (item / blocks, item % blocks)
    var weight = 0
    while panel >= cuts[weight].panels {
      panel -= cuts[weight].panels
      weight += 1
    }
    let cut = cuts[weight]
    return Piece(
      weight: weight, outputs: panel * cut.outputsAPiece..<min(cut.outputs, (panel + 1) * cut.outputsAPiece),
      rows: min(rows, block * rowsABlock)..<min(rows, (block + 1) * rowsABlock))
  }
}
