import HybridizeCore

/// Continues a prompt token by token.
public struct Generator {
  /// Why it stopped.
  public enum Stop: String, Sendable {
    /// The model ended the text.
    case endToken = "end"
    /// As many tokens as were asked for.
    case length
  }

  public struct Outcome: Sendable {
    /// The new tokens, without the one that ended the text.
    public let tokens: [Int]
    public let stop: Stop
    public let promptSeconds: Double
    public let decodeSeconds: Double
  }

  private let model: Model
  private var sampler: Sampler
  private let endTokens: Set<Int>

  /// - Parameter endTokens: tokens that end the text; those of config.json unless given.
  public init(_ model: Model, sampler: Sampler, endTokens: [Int]? = nil) {
    self.model = model
    self.sampler = sampler
    self.endTokens = Set(endTokens ?? model.configuration.endTokens)
  }

  /// What `generate` asks of a prompt, for those who show it before.
  ///
  /// - Throws: `.emptyPrompt`, `.promptTooLong`.
  public func check(_ prompt: [Int]) throws(HybridizeError) {
    let context = model.configuration.contextLength
    guard !prompt.isEmpty else { throw HybridizeError(.emptyPrompt, expected: "at least one token") }
    guard prompt.count <= context else {
      throw HybridizeError(
        .promptTooLong, expected: "at most \(context) tokens, the model's context", found: "\(prompt.count) tokens",
        remedy: "shorten the prompt")
    }
  }

  /// - Parameter receive: called with each token as it comes.
  /// - Throws: what `check` throws, `.tokenOutOfRange`, and what the sampler throws.
  public mutating func generate(
    _ prompt: [Int], maximum: Int, receive: (Int) -> Void = { _ in }
  ) throws(HybridizeError) -> Outcome {
    try check(prompt)
    let limit = min(maximum, model.configuration.contextLength - prompt.count)
    let state = model.makeState(capacity: prompt.count + max(limit, 0))
    let clock = ContinuousClock()
    let start = clock.now
    var logits = try model.lastLogits(prompt, state: state)
    let prefilled = clock.now
    var tokens: [Int] = []
    var stop = Stop.length
    while tokens.count < limit {
      let token = try sampler.next(logits)
      if endTokens.contains(token) {
        stop = .endToken
        break
      }
      tokens.append(token)
      receive(token)
      if tokens.count < limit { logits = try model.lastLogits([token], state: state) }
    }
    return Outcome(
      tokens: tokens, stop: stop, promptSeconds: (prefilled - start).inSeconds,
      decodeSeconds: (clock.now - prefilled).inSeconds)
  }
}

extension Duration {
  /// The duration in seconds.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

extension Problem {
  public static let promptTooLong = Problem(
    "promptTooLong", .argument, "the prompt is longer than the model's context")
}
