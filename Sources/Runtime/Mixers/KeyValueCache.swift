import HybridizeCompute
import HybridizeCore

/// Keys and values of the tokens seen: all of them, or the sinks and the last ones of a window.
///
/// A window's cache holds the sinks, then a run of the last tokens. When it is full, those that the window still shows
/// move to the front: rarely, as there is room for as many again.
package final class KeyValueCache: MixerState {
  package let keys: CacheTensor
  package let values: CacheTensor
  /// Tokens that were there once and are no longer, all after the sinks.
  package private(set) var dropped = 0
  private let window: AttentionWindow?
  private let elementBytes: Int

  init(_ shape: AttentionShape, capacity: Int, memory: StateMemory) {
    func cache() -> CacheTensor {
      memory.backend.makeCache(
        heads: shape.keyValueHeads, capacity: min(capacity, shape.window?.mostTokensKept ?? capacity),
        headDimension: shape.headDimension, type: memory.cacheType)
    }
    keys = cache()
    values = cache()
    window = shape.window
    elementBytes = memory.cacheElementBytes
  }

  private init(like other: KeyValueCache, _ memory: StateMemory) {
    func cache(_ like: CacheTensor) -> CacheTensor {
      memory.backend.makeCache(
        heads: like.heads, capacity: like.capacity, headDimension: like.headDimension, type: memory.cacheType)
    }
    keys = cache(other.keys)
    values = cache(other.values)
    dropped = other.dropped
    window = other.window
    elementBytes = memory.cacheElementBytes
  }

  /// Tokens that it takes at a time.
  var room: Int {
    // A text shorter than that fits whole.
    guard let window, keys.capacity == window.mostTokensKept else { return keys.capacity }
    return keys.capacity - window.sinks - window.size + 1
  }

  /// The row for the first of `count` tokens after `position` others.
  ///
  /// - Precondition: there is `room` for them.
  func makeRoom(for count: Int, after position: Int, _ backend: any Backend) -> Int {
    let row = position - dropped
    guard let window, row + count > keys.capacity else { return row }
    // What the first of the new tokens sees: the `size - 1` before it.
    let seen = max(window.sinks, row - window.size + 1)..<row
    backend.copy(keys, rows: seen, to: keys, at: window.sinks)
    backend.copy(values, rows: seen, to: values, at: window.sinks)
    dropped += seen.lowerBound - window.sinks
    return position - dropped
  }

  package func byteCount(tokens: Int) -> Int {
    let rows = min(tokens, window?.mostTokensKept ?? tokens)
    return 2 * keys.heads * keys.headDimension * rows * elementBytes
  }

  package func fork(tokens: Int, memory: StateMemory) -> KeyValueCache {
    let copy = KeyValueCache(like: self, memory)
    memory.backend.copy(keys, rows: 0..<tokens - dropped, to: copy.keys, at: 0)
    memory.backend.copy(values, rows: 0..<tokens - dropped, to: copy.values, at: 0)
    return copy
  }

  /// Of a window what the next token sees: the sinks and the last ones.
  package func stored(tokens: Int, memory: StateMemory) -> [StoredTensor] {
    let (rows, backend) = (rowsSeen(tokens: tokens), memory.backend)
    return [("keys", keys), ("values", values)].map { name, cache in
      guard let window, rows < tokens - dropped else { return backend.stored(cache, rows: rows, name: name) }
      let seen = backend.makeCache(
        heads: cache.heads, capacity: rows, headDimension: cache.headDimension, type: cache.type)
      let end = tokens - dropped
      backend.copy(cache, rows: 0..<window.sinks, to: seen, at: 0)
      backend.copy(cache, rows: end - (rows - window.sinks)..<end, to: seen, at: window.sinks)
      return backend.stored(seen, rows: rows, name: name)
    }
  }

  package func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError) {
    let rows = rowsSeen(tokens: tokens)
    try memory.restore("keys", of: tensors, to: keys, rows: rows)
    try memory.restore("values", of: tensors, to: values, rows: rows)
    dropped = tokens - rows
  }

  /// Rows that a token after `tokens` others needs.
  private func rowsSeen(tokens: Int) -> Int { min(tokens, window.map { $0.sinks + $0.size - 1 } ?? tokens) }
}

extension AttentionWindow {
  /// Tokens that a cache for this window holds: what is seen, and room for as many new ones or a prefill block.
  package var mostTokensKept: Int { sinks + size - 1 + max(size, Model.prefillBlock) }
}
