import HybridizeCompute

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where attention looks: sums over queries.
///
/// Of the queries those count that have keys beyond the window: else a short context would pass for a short sight.
package struct AttentionSums: Sendable, Equatable {
  /// Share of attention that lies neither on the recent tokens nor on the first ones. What is little here is what
  /// LightTransfer (arXiv 2410.13846) calls a lazy layer.
  package var outside = 0.0
  /// Mean distance of the keys from the query, in tokens.
  package var distance = 0.0
  /// In nats.
  package var entropy = 0.0
  package var queries = 0

  package init() {}

  /// One head on one sequence.
  package init(_ inputs: AttentionInputs, rows: Range<Int>, head: Int, window: AttentionWindow) {
    let width = inputs.shape.headDimension
    let count = rows.count
    guard count > window.size + window.sinks else { return }
    // Channel by channel, so that the scores of a query are sums of long vectors.
    var keys = [Double](repeating: 0, count: width * count)
    for (place, row) in rows.enumerated() {
      for (channel, value) in inputs.keys[inputs.keyPlace(row, head: head)].enumerated() {
        keys[channel * count + place] = value
      }
    }
    var weights = [Double](repeating: 0, count: count)
    keys.withUnsafeBufferPointer { keys in
      weights.withUnsafeMutableBufferPointer { weights in
        for place in window.size + window.sinks..<count {
          let visible = UnsafeMutableBufferPointer(rebasing: weights[...place])
          visible.update(repeating: 0)
          let query = inputs.queries[inputs.queryPlace(rows.lowerBound + place, head: head)]
          for (channel, value) in query.enumerated() {
            let factor = value * inputs.shape.scale
            let column = UnsafeBufferPointer(rebasing: keys[channel * count..<channel * count + visible.count])
            for key in visible.indices { visible[key] += factor * column[key] }
          }
          add(visible, window, hidden: inputs.shape.window?.hidden(at: place) ?? 0..<0)
        }
      }
    }
  }

  /// One query, the last of those that the scores are of; these are overwritten.
  ///
  /// - Parameter hidden: keys that the layer's own window does not show.
  private mutating func add(
    _ scores: UnsafeMutableBufferPointer<Double>, _ window: AttentionWindow, hidden: Range<Int>
  ) {
    let place = scores.count - 1
    for key in hidden { scores[key] = -.infinity }
    let greatest = scores.reduce(-.infinity, max)
    var (whole, moment, surprise, beyond) = (0.0, 0.0, 0.0, 0.0)
    for key in scores.indices {
      if hidden.contains(key) {
        scores[key] = 0
        continue
      }
      let score = scores[key] - greatest
      let weight = exp(score)
      scores[key] = weight
      whole += weight
      moment += weight * Double(place - key)
      surprise += weight * score
    }
    for weight in scores[window.sinks..<place + 1 - window.size] { beyond += weight }
    outside += beyond / whole
    distance += moment / whole
    entropy += log(whole) - surprise / whole
    queries += 1
  }

  package static func += (a: inout AttentionSums, b: AttentionSums) {
    a.outside += b.outside
    a.distance += b.distance
    a.entropy += b.entropy
    a.queries += b.queries
  }
}

extension [AttentionSums] {
  /// Over all queries, each sequence counting as often as is said; 0 of none.
  func mean(_ quantity: KeyPath<AttentionSums, Double>, _ counts: [Double]) -> Double {
    var (total, queries) = (0.0, 0.0)
    for (sums, count) in zip(self, counts) {
      total += count * sums[keyPath: quantity]
      queries += count * Double(sums.queries)
    }
    return queries > 0 ? total / queries : 0
  }
}
