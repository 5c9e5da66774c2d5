/// One thing to time, in llama-bench's terms.
public struct BenchmarkTest: Sendable, Equatable {
  /// Prompt tokens of each sequence that are prefilled; 0 for a decode test.
  public let prompt: Int
  /// Tokens of each sequence that are decoded one by one; 0 for a prefill test.
  public let generate: Int
  /// Tokens that are in the cache before.
  public let depth: Int
  /// Sequences at a time.
  public let sequences: Int

  public init(prompt: Int, generate: Int, depth: Int, sequences: Int = 1) {
    precondition((prompt > 0) != (generate > 0), "a test prefills or decodes")
    precondition(sequences > 0, "no sequences")
    self.prompt = prompt
    self.generate = generate
    self.depth = depth
    self.sequences = sequences
  }

  /// `pp512`, `tg128 @ d2048`, `tg128 x 8`.
  public var name: String {
    (prompt > 0 ? "pp\(prompt)" : "tg\(generate)") + (sequences > 1 ? " x \(sequences)" : "")
      + (depth > 0 ? " @ d\(depth)" : "")
  }

  /// Of each sequence.
  public var length: Int { prompt + generate }
  /// Of all sequences.
  public var tokens: Int { sequences * length }

  /// Every depth and number of sequences with a prefill and a decode test, as far as they are asked for.
  public static func all(prompt: Int, generate: Int, depths: [Int], sequences: [Int] = [1]) -> [BenchmarkTest] {
    depths.flatMap { depth in
      sequences.flatMap { count in
        (prompt > 0 ? [BenchmarkTest(prompt: prompt, generate: 0, depth: depth, sequences: count)] : [])
          + (generate > 0 ? [BenchmarkTest(prompt: 0, generate: generate, depth: depth, sequences: count)] : [])
      }
    }
  }
}
