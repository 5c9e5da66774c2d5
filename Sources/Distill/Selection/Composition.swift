/// What mixes tokens in a layer of a candidate.
package enum LayerMixer: Character, Sendable {
  /// The teacher's attention.
  case softmax = "S"
  /// The student's linear attention.
  case linear = "L"
  /// Nothing: the layer's feed-forward alone.
  case none = "-"
}

/// A candidate: the teacher with some of its mixers exchanged. All else is the teacher's.
package struct Composition: Hashable, Sendable {
  /// One a layer.
  package private(set) var mixers: [LayerMixer]

  /// The same mixer in every layer.
  package init(_ mixer: LayerMixer, layers: Int) { mixers = Array(repeating: mixer, count: layers) }

  package func with(_ mixer: LayerMixer, at layers: some Sequence<Int>) -> Composition {
    var result = self
    for layer in layers { result.mixers[layer] = mixer }
    return result
  }

  package func with(_ mixer: LayerMixer, at layer: Int) -> Composition { with(mixer, at: CollectionOfOne(layer)) }

  package var kept: [Int] { mixers.indices.filter { mixers[$0] == .softmax } }

  /// One letter a layer, `SLLLLLSL`.
  package var name: String { String(mixers.map(\.rawValue)) }

  /// The first layer that differs; `nil` if none does.
  func firstDifference(from other: Composition) -> Int? {
    mixers.indices.first { mixers[$0] != other.mixers[$0] }
  }
}
