import HybridizeCore

/// Text to train on.
package protocol BatchSource {
  /// The batch of a step, counted from 0: the same each time it is asked for, so that a training that goes on sees the
  /// text that it would have seen.
  func batch(_ index: Int) throws(HybridizeError) -> TokenBatch
}

extension TokenBatch {
  /// Whole sequences in their order, as many at a time as have at most `limit` tokens together; a longer one goes alone.
  package func microBatches(of limit: Int) -> [TokenBatch] {
    var parts: [[TokenSequence]] = []
    var tokens = 0
    for sequence in sequences {
      tokens += sequence.ids.count
      if parts.isEmpty || tokens > limit {
        parts.append([sequence])
        tokens = sequence.ids.count
      } else {
        parts[parts.count - 1].append(sequence)
      }
    }
    return parts.map { TokenBatch($0) }
  }
}
