import CKernels
import HybridizeCore

extension CPUBackend {
  public func linear(_ x: Tensor, _ weight: Weight, into out: Tensor) { linear(x, [weight], into: [out]) }

  public func linear(_ x: Tensor, _ weights: [Weight], into outs: [Tensor]) {
    precondition(weights.count == outs.count, "linear: \(weights.count) weights for \(outs.count) outputs")
    for (weight, out) in zip(weights, outs) { check(x, weight, out) }
    let pieces = LinearPieces(rows: x.rows, weights, isFew: isFew(x.rows), threads: threads)
    pool.run(pieces.count, scratch: pieces.scratchFloats) { item, scratch in
      pieces.forEach(of: item) { piece in
        let target = outs[piece.weight].row(piece.rows.lowerBound) + piece.outputs.lowerBound
        multiply(x, weights[piece.weight], piece, into: target, stride: outs[piece.weight].columns, scratch)
      }
    }
  }

  public func linear(_ x: Tensor, _ weight: Weight, addingTo out: Tensor) {
    check(x, weight, out)
    let pieces = LinearPieces(rows: x.rows, [weight], isFew: isFew(x.rows), threads: threads)
    pool.run(pieces.count, scratch: pieces.scratchFloats + pieces.largestPiece) { item, scratch in
      pieces.forEach(of: item) { piece in
        let target = out.row(piece.rows.lowerBound) + piece.outputs.lowerBound
        guard pieces.isFew else {
          return multiply(x, weight, piece, into: target, stride: out.columns, adding: true, scratch)
        }
        let width = piece.outputs.count
        let result = scratch + pieces.scratchFloats
        multiply(x, weight, piece, into: result, stride: width, scratch)
        for index in 0..<piece.rows.count { kernels.add(target + index * out.columns, result + index * width, width) }
      }
    }
  }

  /// The gate of a piece stays in a thread's cache until it is used.
  public func swiGLU(_ x: Tensor, gate: Weight, up: Weight, into out: Tensor) {
    check(x, gate, out)
    check(x, up, out)
    let pieces = LinearPieces(rows: x.rows, [gate], isFew: isFew(x.rows), threads: threads)
    let gateFloats = (pieces.largestPiece + 15) / 16 * 16
    pool.run(pieces.count, scratch: gateFloats + pieces.scratchFloats) { item, gated in
      pieces.forEach(of: item) { piece in
        let width = piece.outputs.count
        let target = out.row(piece.rows.lowerBound) + piece.outputs.lowerBound
        multiply(x, gate, piece, into: gated, stride: width, gated + gateFloats)
        multiply(x, up, piece, into: target, stride: out.columns, gated + gateFloats)
        for index in 0..<piece.rows.count {
          kernels.multiply_silu(target + index * out.columns, gated + index * width, width)
        }
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
    let together = rowsTogether(rows.count, of: weight)
    for first in Swift.stride(from: 0, to: rows.count, by: together) {
      kernels.gemv(
        weight.kernelType, weight.row(outputs.lowerBound), outputs.count, weight.columns,
        x.row(rows.lowerBound + first), min(together, rows.count - first), x.columns, target + first * stride, stride,
        scratch)
    }
  }

  /// Rows that one walk over a weight takes, of walks that take about as many each. All that the kernel can where 32
  /// registers hold their sums or where integers are multiplied; else five, beside which there is room for two outputs'
  /// weights. Less if the first-level cache has no room for the rows, down to what comes from the second level in time.
  private func rowsTogether(_ rows: Int, of weight: Weight) -> Int {
    var bytes = weight.columns * MemoryLayout<Float>.stride
    var takesAll = instructionSet == .avx512 || instructionSet == .neon
    if case .quantized = weight.format { (takesAll, bytes) = (true, bytes / 2) }
    let best = takesAll ? ck_gemv_rows : 5
    let most = best * bytes <= 32 << 10 ? best : min(4, max(2, (48 << 10) / bytes))
    let walks = (rows + most - 1) / most
    return (rows + walks - 1) / walks
  }
}

/// How linear layers `[rows, inputs] x [outputs, inputs]^T` of one input are cut into items of work. What an output
/// adds up to does not depend on it.
///
/// Few rows: the outputs of all layers in a row, cut into as many equal items for each thread. Many: panels of outputs
/// that are packed, whole strips of every instruction set, and blocks of rows; an item is one piece.
package struct LinearPieces {
  package struct Piece {
    package let weight: Int
    package let outputs: Range<Int>
    package let rows: Range<Int>
  }

  package let isFew: Bool
  package let count: Int
  /// Floats that products of a piece need.
  package let scratchFloats: Int
  /// Results of a piece, at most.
  package let largestPiece: Int
  private let outputs: [Int]
  private let rows: Int
  private let blocks: Int
  private let rowsABlock: Int

  package init(rows: Int, _ weights: [Weight], isFew: Bool, threads: Int) {
    self.rows = rows
    self.isFew = isFew
    outputs = weights.map(\.rows)
    if isFew {
      let tiles = (outputs.reduce(0, +) + Self.outputsATile - 1) / Self.outputsATile
      let bytesAThread = weights.reduce(0) { $0 + $1.byteCount } / threads
      let itemsAThread = max(2, (bytesAThread + Self.bytesAnItem - 1) / Self.bytesAnItem)
      count = min(tiles, threads * itemsAThread)
      (blocks, rowsABlock) = (1, rows)
      scratchFloats = min(rows, ck_gemv_rows) * (weights.map(\.columns).max() ?? 0)
      largestPiece = rows * Self.outputsATile * (count == 0 ? 0 : (tiles + count - 1) / count)
    } else {
      // Packing a panel costs as much as multiplying it with about ten rows: blocks are as high as threads can share.
      let panels = outputs.reduce(0) { $0 + Self.panels($1) }
      let fewest = (rows + Self.mostRowsABlock - 1) / Self.mostRowsABlock
      let most = max(1, (rows + Self.rowsABlock / 2) / Self.rowsABlock)
      let shared = (Self.itemsAThread * threads + max(panels, 1) - 1) / max(panels, 1)
      blocks = min(most, max(1, fewest, shared))
      rowsABlock = (rows + blocks - 1) / blocks
      count = blocks * panels
      scratchFloats = weights.map { ck_linear_scratch(min($0.rows, Self.outputsAPanel), $0.columns) }.max() ?? 0
      largestPiece = rowsABlock * Self.outputsAPanel
    }
  }

  /// Whole tiles of every kernel.
  private static let outputsATile = 8
  private static let bytesAnItem = 256 << 10
  /// Three strips of 32, the widest there are; at 384 inputs a packed panel takes 144 KiB.
  private static let outputsAPanel = 96
  private static let rowsABlock = 256
  private static let mostRowsABlock = 1024
  private static let itemsAThread = 8

  private static func panels(_ outputs: Int) -> Int { (outputs + outputsAPanel - 1) / outputsAPanel }

  /// The pieces of an item, which may reach from one weight into the next.
  package func forEach(of item: Int, _ body: (Piece) -> Void) {
    guard isFew else { return body(panel(item)) }
    let share = boundary(item)..<boundary(item + 1)
    var first = 0
    for (weight, outputs) in outputs.enumerated() {
      let own = share.clamped(to: first..<first + outputs)
      if !own.isEmpty {
        body(Piece(weight: weight, outputs: own.lowerBound - first..<own.upperBound - first, rows: 0..<rows))
      }
      first += outputs
    }
  }

  /// The first output of an item of few rows.
  private func boundary(_ item: Int) -> Int {
    let total = outputs.reduce(0, +)
    let tiles = (total + Self.outputsATile - 1) / Self.outputsATile
    return min(total, tiles * item / count * Self.outputsATile)
  }

  private func panel(_ item: Int) -> Piece {
    var (panel, block) = (item / blocks, item % blocks)
    var weight = 0
    while panel >= Self.panels(outputs[weight]) {
      panel -= Self.panels(outputs[weight])
      weight += 1
    }
    let first = panel * Self.outputsAPanel
    return Piece(
      weight: weight, outputs: first..<min(outputs[weight], first + Self.outputsAPanel),
      rows: min(rows, block * rowsABlock)..<min(rows, (block + 1) * rowsABlock))
  }
}
