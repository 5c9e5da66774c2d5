import HybridizeCompute

extension SoftmaxAttention {
  package struct Saved {
    let x: Tensor
    /// Before their norms, where there are norms.
    let queryBeforeNorm: Tensor?
    let keyBeforeNorm: Tensor?
    /// Rotated.
    let query: Tensor
    /// Rotated keys and values.
    let caches: [SequenceCache]
    /// What the output projection got.
    let mixed: Tensor
  }

  package func mixSaving(_ x: Tensor, context: TrainingContext, into out: Tensor) -> Saved {
    let (backend, workspace) = (context.backend, context.workspace)
    var q = workspace.tensor(rows: x.rows, columns: query.outputs)
    var k = workspace.tensor(rows: x.rows, columns: key.outputs)
    let v = workspace.tensor(rows: x.rows, columns: value.outputs)
    [query, key, value].apply(x, into: [q, k, v], backend)
    let beforeNorm = (queryNorm == nil ? nil : q, keyNorm == nil ? nil : k)
    if let queryNorm { q = normed(q, queryNorm, context) }
    if let keyNorm { k = normed(k, keyNorm, context) }
    let (cosine, sine) = (context.mixing.angles.cosine, context.mixing.angles.sine)
    backend.rotate(q, headDimension: shape.headDimension, cosine: cosine, sine: sine)
    let caches = context.mixing.sequences.map { sequence in
      let rows = sequence.rows
      func cache() -> CacheTensor {
        backend.makeCache(
          heads: shape.keyValueHeads, capacity: rows.count, headDimension: shape.headDimension, type: .full)
      }
      let cached = SequenceCache(rows: rows, position: 0, keys: cache(), values: cache())
      backend.rotate(
        k.rows(rows), cosine: cosine.rows(rows), sine: sine.rows(rows), appendingTo: cached.keys, position: 0)
      backend.appendToCache(v.rows(rows), cached.values, position: 0)
      return cached
    }
    let mixed = workspace.tensor(like: q)
    backend.attention(shape, query: q, sequences: caches, into: mixed)
    output.apply(mixed, into: out, backend)
    return Saved(
      x: x, queryBeforeNorm: beforeNorm.0, keyBeforeNorm: beforeNorm.1, query: q, caches: caches, mixed: mixed)
  }

  private func normed(_ x: Tensor, _ gain: Weight, _ context: TrainingContext) -> Tensor {
    let out = context.workspace.tensor(like: x)
    context.backend.rmsNorm(x, gain: gain, epsilon: normEpsilon, into: out)
    return out
  }

  package func backward(_ saved: Saved, gradient: Tensor, context: TrainingContext, into xGradient: Tensor?) {
    let (backend, workspace) = (context.backend, context.workspace)
    workspace.scope {
      let mixedGradient = workspace.tensor(like: saved.mixed)
      output.backward(saved.mixed, gradient: gradient, context: context, into: mixedGradient)
      let q = workspace.tensor(like: saved.query)
      let k = workspace.tensor(rows: q.rows, columns: key.outputs)
      let v = workspace.tensor(like: k)
      backend.attentionGradient(
        shape, query: saved.query, sequences: saved.caches, gradient: mixedGradient, into: q, k, v)
      let (cosine, sine) = (context.mixing.angles.cosine, context.mixing.angles.sine)
      for (gradient, gain, before) in [(q, queryNorm, saved.queryBeforeNorm), (k, keyNorm, saved.keyBeforeNorm)] {
        backend.rotateGradient(gradient, headDimension: shape.headDimension, cosine: cosine, sine: sine)
        if let gain, let before {
          backend.rmsNormGradient(
            before, gain: gain, epsilon: normEpsilon, gradient: gradient, into: gradient,
            addingTo: context.parameters[gain])
        }
      }
      [query, key, value].backward(saved.x, gradients: [q, k, v], context: context, into: xGradient)
    }
  }
}
