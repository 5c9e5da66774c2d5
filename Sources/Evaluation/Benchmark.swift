import HybridizeCore
import HybridizeRuntime

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

/// The timings of one test on one model.
public struct BenchmarkResult: Sendable {
  /// The model as the user named it.
  public let model: String
  public let modelType: String
  public let modelBytes: Int
  public let parameters: Int
  public let test: BenchmarkTest
  /// Seconds of each repetition.
  public let samples: [Double]
  /// Bytes of caches and states at the end of the test.
  public let cacheBytes: Int

  package init(
    model: String, modelType: String, modelBytes: Int, parameters: Int, test: BenchmarkTest, samples: [Double],
    cacheBytes: Int
  ) {
    self.model = model
    self.modelType = modelType
    self.modelBytes = modelBytes
    self.parameters = parameters
    self.test = test
    self.samples = samples
    self.cacheBytes = cacheBytes
  }

  /// Tokens a second of each repetition.
  public var rates: [Double] { samples.map { Double(test.tokens) / $0 } }
  public var meanRate: Double { rates.mean }
  public var rateDeviation: Double { rates.standardDeviation }
}

/// Times models against each other in one process, on the same kernels.
public struct Benchmark {
  public struct Subject {
    public let name: String
    public let directory: ModelDirectory
    public let model: Model

    public init(name: String, directory: ModelDirectory, model: Model) {
      self.name = name
      self.directory = directory
      self.model = model
    }
  }

  private let repetitions: Int
  private let progress: Progress

  /// - Precondition: at least one repetition.
  public init(repetitions: Int, progress: Progress = .silent) {
    precondition(repetitions > 0, "no repetitions")
    self.repetitions = repetitions
    self.progress = progress
  }

  /// Runs every test on every model, models in turn within a repetition, so that a machine that slows down slows
  /// all of them. Contexts beyond the model's own are allowed: speed does not depend on what the tokens mean.
  ///
  /// - Throws: as `Model.forward`.
  public func run(_ subjects: [Subject], _ tests: [BenchmarkTest]) throws(HybridizeError) -> [BenchmarkResult] {
    var results: [BenchmarkResult] = []
    for (number, test) in tests.enumerated() {
      var starts: [DecodingState] = []
      for subject in subjects {
        starts.append(try start(subject.model, test))
        _ = try time(subject.model, test, starts[starts.count - 1], tokens: min(test.tokens, 16))
      }
      var samples = Array(repeating: [Double](), count: subjects.count)
      var bytes = Array(repeating: 0, count: subjects.count)
      for _ in 0..<repetitions {
        for (index, subject) in subjects.enumerated() {
          let (seconds, used) = try time(subject.model, test, starts[index], tokens: test.tokens)
          samples[index].append(seconds)
          bytes[index] = used
        }
      }
      for (index, subject) in subjects.enumerated() {
        results.append(result(subject, test, samples[index], bytes[index]))
      }
      progress.report("bench \(test.name)", done: number + 1, of: tests.count)
    }
    return results
  }

  /// A state with `depth` tokens in it.
  private func start(_ model: Model, _ test: BenchmarkTest) throws(HybridizeError) -> DecodingState {
    let state = model.makeState(capacity: test.depth + test.tokens)
    try model.forward(Self.tokens(test.depth, model, stream: "depth"), state: state, rows: .none)
    return state
  }

  private func time(
    _ model: Model, _ test: BenchmarkTest, _ start: DecodingState, tokens count: Int
  ) throws(HybridizeError) -> (seconds: Double, bytes: Int) {
    let state = start.fork()
    let ids = Self.tokens(count, model, stream: "test")
    let clock = ContinuousClock()
    let begin = clock.now
    if test.prompt > 0 {
      try model.forward(ids, state: state, rows: .last)
    } else {
      for id in ids { try model.forward([id], state: state, rows: .last) }
    }
    return ((clock.now - begin).inSeconds, state.byteCount)
  }

  private static func tokens(_ count: Int, _ model: Model, stream: String) -> [Int] {
    var generator = SeededGenerator(seed: 1, stream: stream)
    return (0..<count).map { _ in generator.index(below: model.configuration.vocabularySize) }
  }

  private func result(
    _ subject: Subject, _ test: BenchmarkTest, _ samples: [Double], _ bytes: Int
  ) -> BenchmarkResult {
    let tensors = subject.directory.reader.tensors
    let configuration = subject.model.configuration
    let parameters = tensors.reduce(0) { $0 + ((try? $1.shape.elementCount()) ?? 0) }
    let kind =
      configuration.convertedLayers.isEmpty
      ? "" : " hybrid \(configuration.keptLayers.count)/\(configuration.layerCount)"
    let types = Set(tensors.map(\.elementType)).sorted { $0.rank < $1.rank }.map(\.rawValue).joined(separator: "+")
    return BenchmarkResult(
      model: subject.name,
      modelType: "\(configuration.architecture.name)\(kind) \(NumberText.count(parameters)) \(types)",
      modelBytes: tensors.reduce(0) { $0 + $1.byteCount }, parameters: parameters, test: test, samples: samples,
      cacheBytes: bytes)
  }
}

extension [Double] {
  /// - Precondition: not empty.
  var mean: Double { reduce(0, +) / Double(count) }

  /// With n - 1 in the denominator; 0 for a single value.
  var standardDeviation: Double {
    guard count > 1 else { return 0 }
    let mean = mean
    return (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }
}
