import HybridizeCore

/// How a stage makes its loss, apart from the numbers of the optimiser.
public struct StageOptions: Sendable, Equatable {
  /// Of alignment: the square of the distance instead of the distance, as the paper has it and its code has not.
  public var squaredDistance = false
  /// Of matching: what logits are divided by.
  public var temperature = 1.0
  /// Of matching: so many of the teacher's most likely tokens, and all others as one, instead of the whole vocabulary.
  public var topTokens: Int?
  /// No state and no attention reaches from one document of a sequence to the next.
  public var isolatesDocuments = false
  /// Keeps the inputs of layers alone and computes the rest once more on the way back: less memory, a third more work.
  public var recomputesActivations = false

  public init() {}

  public var json: JSONObject {
    [
      "squared_distance": .bool(squaredDistance), "temperature": .double(temperature),
      "top_tokens": topTokens.map { .integer($0) } ?? .null,
      "isolates_documents": .bool(isolatesDocuments), "recomputes_activations": .bool(recomputesActivations),
    ]
  }
}
