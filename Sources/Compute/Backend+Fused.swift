/// Operations that a backend may do at once, made of those that it must have.
extension Backend {
  public func linear(_ x: Tensor, _ weights: [Weight], into outs: [Tensor]) {
    precondition(weights.count == outs.count, "linear: \(weights.count) weights for \(outs.count) outputs")
    for (weight, out) in zip(weights, outs) { linear(x, weight, into: out) }
  }

  public func linear(_ x: Tensor, _ weight: Weight, addingTo out: Tensor) {
    let change = makeTensor(rows: out.rows, columns: out.columns)
    linear(x, weight, into: change)
    add(change, to: out)
  }

  public func swiGLU(_ x: Tensor, gate: Weight, up: Weight, into out: Tensor) {
    let gated = makeTensor(rows: x.rows, columns: gate.rows)
    linear(x, gate, into: gated)
    linear(x, up, into: out)
    multiplySiLU(gated, into: out)
  }

  public func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor, appendingTo cache: CacheTensor, position: Int) {
    rotate(x, headDimension: cache.headDimension, cosine: cosine, sine: sine)
    appendToCache(x, cache, position: position)
  }
}
