import HybridizeCore
import HybridizeFormats

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
    /// Tokens of the prompt that came from its cache.
    public let cachedTokens: Int
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

  /// - Parameters:
  ///   - promptCache: a file that keeps the state after the prompt: a prompt that begins with the file's goes on from
  ///     there, and the file is written, or written anew, for the next time.
  ///   - receive: called with each token as it comes.
  /// - Throws: what `check`, `StateFile` and the sampler throw, `.tokenOutOfRange`.
  public mutating func generate(
    _ prompt: [Int], maximum: Int, promptCache: String? = nil, receive: (Int) -> Void = { _ in }
  ) throws(HybridizeError) -> Outcome {
    try check(prompt)
    let limit = min(maximum, model.configuration.contextLength - prompt.count)
    let capacity = prompt.count + max(limit, 0)
    let clock = ContinuousClock()
    let begin = clock.now
    let (state, cached) = try start(prompt, capacity: capacity, promptCache)
    var logits = try model.lastLogits(Array(prompt[state.position...]), state: state)
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
      tokens: tokens, stop: stop, promptSeconds: (prefilled - begin).inSeconds, cachedTokens: cached,
      decodeSeconds: (clock.now - prefilled).inSeconds)
  }

  /// A state before the prompt, or with a cache after all of it but the last token, whose logits are still to be made. A text
  /// that outgrows the rotary angles of the cache is read anew.
  private func start(
    _ prompt: [Int], capacity: Int, _ cache: String?
  ) throws(HybridizeError) -> (state: DecodingState, cached: Int) {
    guard let cache else { return (model.makeState(capacity: capacity), 0) }
    var state = model.makeState(capacity: capacity)
    if FileSystem.exists(cache) {
      let (stored, ids) = try StateFile.read(cache, for: model, capacity: capacity)
      if ids.count < prompt.count, prompt.starts(with: ids),
        model.configuration.rotary.turnsAlike(stored.length, capacity)
      {
        state = stored
      }
    }
    let cached = state.position
    if cached < prompt.count - 1 {
      try model.forward(Array(prompt[cached..<prompt.count - 1]), state: state, rows: .none)
      try StateFile.write(state, of: model, ids: Array(prompt.dropLast()), to: cache, replacing: true)
    }
    return (state, cached)
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
