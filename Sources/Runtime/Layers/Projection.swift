import HybridizeCompute

/// A linear layer: `y = x weight^T + bias`.
package struct Projection: Sendable {
  package let weight: Weight
  package let bias: Weight?

  package init(weight: Weight, bias: Weight? = nil) {
    self.weight = weight
    self.bias = bias
  }

  package var outputs: Int { weight.rows }

  /// x `[tokens, inputs]`, out `[tokens, outputs]`.
  package func apply(_ x: Tensor, into out: Tensor, _ backend: any Backend) {
    backend.linear(x, weight, into: out)
    if let bias { backend.addBias(bias, to: out) }
  }

  /// `out += x weight^T + bias`.
  package func apply(_ x: Tensor, addingTo out: Tensor, _ backend: any Backend) {
    backend.linear(x, weight, addingTo: out)
    if let bias { backend.addBias(bias, to: out) }
  }
}

extension [Projection] {
  /// Several projections of one input.
  package func apply(_ x: Tensor, into outs: [Tensor], _ backend: any Backend) {
    backend.linear(x, map(\.weight), into: outs)
    for (projection, out) in zip(self, outs) {
      if let bias = projection.bias { backend.addBias(bias, to: out) }
    }
  }
}
