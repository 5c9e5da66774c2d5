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
    let v = workspace.tensor(rows: x.rows, columns: value.outputs)
    let heads = projected(x, values: v, context.mixing)
    let (q, k) = (heads.query, heads.key)
    let (cosine, sine) = (context.mixing.angles.cosine, context.mixing.angles.sine)
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
      x: x, queryBeforeNorm: heads.queryBeforeNorm, keyBeforeNorm: heads.keyBeforeNorm, query: q, caches: caches,
      mixed: mixed)
  }

  /// What the softmax compares in whole sequences: queries `[tokens, heads * headDimension]` and keys
  /// `[tokens, keyValueHeads * headDimension]`, both rotated, from the workspace.
  package func queriesAndKeys(_ x: Tensor, context: MixingContext) -> (queries: Tensor, keys: Tensor) {
    let heads = projected(x, values: nil, context)
    context.backend.rotate(
      heads.key, headDimension: shape.headDimension, cosine: context.angles.cosine, sine: context.angles.sine)
    return (heads.query, heads.key)
  }

  private struct Heads {
    /// Before their norms, where there are norms.
    let queryBeforeNorm: Tensor?
    let keyBeforeNorm: Tensor?
    /// Rotated.
    let query: Tensor
    /// Not rotated.
    let key: Tensor
  }

  /// - Parameter values: written, if wanted.
  private func projected(_ x: Tensor, values: Tensor?, _ context: MixingContext) -> Heads {
    let (backend, workspace) = (context.backend, context.workspace)
    var q = workspace.tensor(rows: x.rows, columns: query.outputs)
    var k = workspace.tensor(rows: x.rows, columns: key.outputs)
    if let values {
      [query, key, value].apply(x, into: [q, k, values], backend)
    } else {
      [query, key].apply(x, into: [q, k], backend)
    }
    let beforeNorm = (queryNorm == nil ? nil : q, keyNorm == nil ? nil : k)
    if let queryNorm { q = normed(q, queryNorm, context) }
    if let keyNorm { k = normed(k, keyNorm, context) }
    backend.rotate(
      q, headDimension: shape.headDimension, cosine: context.angles.cosine, sine: context.angles.sine)
    return Heads(queryBeforeNorm: beforeNorm.0, keyBeforeNorm: beforeNorm.1, query: q, key: k)
  }

  private func normed(_ x: Tensor, _ gain: Weight, _ context: MixingContext) -> Tensor {
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
