import HybridizeCompute
import HybridizeRuntime

/// The timings of one test on one model, and what the model has to do in it.
public struct BenchmarkResult: Sendable {
  /// The model as the user named it.
  public let model: String
  public let modelType: String
  public let modelBytes: Int
  public let parameters: Int
  public let test: BenchmarkTest
  /// Seconds of each repetition.
  public let samples: [Double]
  /// How keys and values were stored.
  public let cacheType: CacheType
  /// Bytes of caches and states at the end of the test.
  public let cacheBytes: Int
  public let work: BenchmarkWork
  /// Bytes a second at which the model's weights are read when nothing else is done; `nil` where nobody measures it.
  public let weightBandwidth: Double?
  /// The most memory of the process during the test, all models in it.
  public let peakBytes: Int
  /// Of a run beside the timed ones, if it was asked for.
  public let profile: Profile?
  /// The names of the layers' mixers.
  public let mixers: [String]

  package init(
    model: String, modelType: String, modelBytes: Int, parameters: Int, test: BenchmarkTest, samples: [Double],
    cacheType: CacheType = .full, cacheBytes: Int, work: BenchmarkWork, weightBandwidth: Double? = nil,
    peakBytes: Int = 0, profile: Profile? = nil,
    mixers: [String] = []
  ) {
    self.model = model
    self.modelType = modelType
    self.modelBytes = modelBytes
    self.parameters = parameters
    self.test = test
    self.samples = samples
    self.cacheType = cacheType
    self.cacheBytes = cacheBytes
    self.work = work
    self.weightBandwidth = weightBandwidth
    self.peakBytes = peakBytes
    self.profile = profile
    self.mixers = mixers
  }

  /// Tokens a second of each repetition.
  public var rates: [Double] { samples.map { Double(test.tokens) / $0 } }
  public var meanRate: Double { rates.mean }
  public var rateDeviation: Double { rates.standardDeviation }
  public var medianRate: Double { rates.median }
  public var medianRateDeviation: Double { rates.medianAbsoluteDeviation }

  /// What the machine allows at most in this test: of several sequences at a time, products may bound decoding too.
  public func limit(_ machine: MachineLimits) -> BenchmarkLimit {
    let product = BenchmarkLimit.product(operationsPerToken: work.operationsPerToken, rate: machine.matrixProduct)
    let memory = BenchmarkLimit.memory(
      bytesPerToken: work.bytesPerToken, bandwidth: max(machine.memoryBandwidth, weightBandwidth ?? 0))
    guard test.generate > 0 else { return product }
    return test.sequences == 1 || memory.rate <= product.rate ? memory : product
  }
}

/// What a model has to read and to compute in a test, by its shapes.
public struct BenchmarkWork: Sendable, Equatable {
  public let tokens: Int
  /// Bytes of weights that a decode step reads, once for all its sequences.
  public let weightBytes: Int
  /// Sequences at a time.
  public let sequences: Int
  /// Bytes of its cache and states that a sequence's decode step reads, the mean over the test.
  public let cacheBytesRead: Double
  /// Multiplications and additions of the linear layers in the whole test; the head for as many tokens as ask for it.
  public let linearOperations: Int
  /// Multiplications and additions between tokens, attention and recurrences, in the whole test. See
  /// `MixerSpecification.mixingOperations`.
  public let mixingOperations: Int

  package init(
    tokens: Int, weightBytes: Int, sequences: Int = 1, cacheBytesRead: Double, linearOperations: Int,
    mixingOperations: Int
  ) {
    self.tokens = tokens
    self.weightBytes = weightBytes
    self.sequences = sequences
    self.cacheBytesRead = cacheBytesRead
    self.linearOperations = linearOperations
    self.mixingOperations = mixingOperations
  }

  /// - Parameters:
  ///   - before: bytes of caches and states of a sequence before the test.
  ///   - after: the same at its end. They grow evenly.
  package init(_ test: BenchmarkTest, _ model: Model, cacheBytes before: Int, _ after: Int) {
    let configuration = model.configuration
    let layout = ModelLayout(configuration)
    let length = test.length
    let positions = test.depth..<test.depth + length
    // Every step reads what there is after it has written its own token.
    let growth = Double(after - before) * Double(length + 1) / Double(2 * length)
    let headRows = test.prompt > 0 ? test.sequences : test.tokens
    let mixing = configuration.mixers.reduce(0) { $0 + $1.mixingOperations(configuration, positions) }
    self.init(
      tokens: test.tokens, weightBytes: model.weightBytes, sequences: test.sequences,
      cacheBytesRead: Double(before) + growth,
      linearOperations: layout.operationsPerToken * test.tokens
        + 2 * configuration.vocabularySize * configuration.hiddenSize * headRows,
      mixingOperations: mixing * test.sequences)
  }

  public var bytesPerToken: Double { Double(weightBytes) / Double(sequences) + cacheBytesRead }
  public var operationsPerToken: Double { Double(linearOperations + mixingOperations) / Double(tokens) }
}

/// What bounds a test: decoding reads all weights and caches for each token, a prefill multiplies matrices.
public enum BenchmarkLimit: Sendable, Equatable {
  /// Bytes a token, bytes a second.
  case memory(bytesPerToken: Double, bandwidth: Double)
  /// Multiplications and additions a token and a second.
  case product(operationsPerToken: Double, rate: Double)

  /// Tokens a second.
  public var rate: Double {
    switch self {
    case .memory(let bytesPerToken, let bandwidth): bandwidth / bytesPerToken
    case .product(let operationsPerToken, let rate): rate / operationsPerToken
    }
  }
}
