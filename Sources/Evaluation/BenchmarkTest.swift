/// One thing to time, in llama-bench's terms.
public struct BenchmarkTest: Sendable, Equatable {
  /// Prompt tokens that are prefilled; 0 for a decode test.
  public let prompt: Int
  /// Tokens that are decoded one by one; 0 for a prefill test.
  public let generate: Int
  /// Tokens that are in the cache before.
  public let depth: Int

  public init(prompt: Int, generate: Int, depth: Int) {
    precondition((prompt > 0) != (generate > 0), "a test prefills or decodes")
    self.prompt = prompt
    self.generate = generate
    self.depth = depth
  }

  /// `pp512`, `tg128 @ d2048`.
  public var name: String {
    (prompt > 0 ? "pp\(prompt)" : "tg\(generate)") + (depth > 0 ? " @ d\(depth)" : "")
  }

  public var tokens: Int { prompt + generate }

  /// Every depth with a prefill and a decode test, as far as they are asked for.
  public static func all(prompt: Int, generate: Int, depths: [Int]) -> [BenchmarkTest] {
    depths.flatMap { depth in
      (prompt > 0 ? [BenchmarkTest(prompt: prompt, generate: 0, depth: depth)] : [])
        + (generate > 0 ? [BenchmarkTest(prompt: 0, generate: generate, depth: depth)] : [])
    }
  }
}
