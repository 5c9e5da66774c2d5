import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

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

  /// How it is measured.
  public struct Options: Sendable {
    /// Times that each test is measured.
    public var repetitions: Int
    /// Bind each thread to a processor of its own.
    public var pinsThreads: Bool
    /// Also run each test with every operation clocked.
    public var profiles: Bool

    /// - Precondition: at least one repetition.
    public init(repetitions: Int, pinsThreads: Bool = false, profiles: Bool = false) {
      precondition(repetitions > 0, "no repetitions")
      self.repetitions = repetitions
      self.pinsThreads = pinsThreads
      self.profiles = profiles
    }
  }

  private let options: Options
  private let progress: Progress

  public init(_ options: Options, progress: Progress = .silent) {
    self.options = options
    self.progress = progress
  }

  /// Measures what the machine can do, then runs every test on every model.
  ///
  /// - Parameter backend: the one on which the models are.
  /// - Throws: as `Model.forward`.
  public func report(
    _ subjects: [Subject], _ tests: [BenchmarkTest], on backend: any Backend
  ) throws(HybridizeError) -> BenchmarkReport {
    let processors = options.pinsThreads ? backend.pinThreads() : nil
    defer { if processors != nil { backend.unpinThreads() } }
    let machine = BenchmarkReport.Machine(backend, processors: processors, limits: backend.measureLimits())
    return BenchmarkReport(results: try run(subjects, tests), machine: machine)
  }

  /// Runs every test on every model. Within a repetition models run in turn, so that a machine that slows down slows all
  /// of them, and each repetition begins with another one. Contexts beyond the model's own are allowed: speed does
  /// not depend on what the tokens mean.
  ///
  /// - Throws: as `Model.forward`.
  package func run(_ subjects: [Subject], _ tests: [BenchmarkTest]) throws(HybridizeError) -> [BenchmarkResult] {
    var results: [BenchmarkResult] = []
    let bandwidths = subjects.map { $0.model.backend.readBandwidth(of: $0.model.weights) }
    for (number, test) in tests.enumerated() {
      var beginnings: [Beginning] = []
      var measured = Array(repeating: Measurement(), count: subjects.count)
      for subject in subjects {
        let beginning = try begin(subject.model, test)
        beginnings.append(beginning)
        // Two blocks of a prefill, as a short one takes another way through the kernels; a few steps of decoding.
        let length = min(test.length, test.prompt > 0 ? 2 * Model.prefillBlock : 16)
        _ = try time(subject.model, test, beginning, length: length)
      }
      for repetition in 0..<options.repetitions {
        for index in Self.order(subjects.count, repetition) {
          let sample = try time(subjects[index].model, test, beginnings[index], length: test.length)
          measured[index].add(sample)
        }
      }
      for (index, subject) in subjects.enumerated() {
        let profile = options.profiles ? try self.profile(subject.model, test, beginnings[index]) : nil
        results.append(
          result(subject, test, measured[index], beginnings[index].state(of: subject.model), bandwidths[index], profile)
        )
      }
      progress.report("bench \(test.name)", done: number + 1, of: tests.count)
    }
    return results
  }

  /// The models in the order of a repetition: each comes first as often as any other.
  package static func order(_ count: Int, _ repetition: Int) -> [Int] { (0..<count).map { ($0 + repetition) % count } }

  private struct Sample {
    let seconds: Double
    let cacheBytes: Int
    let peakBytes: Int
  }

  private struct Measurement {
    var seconds: [Double] = []
    var cacheBytes = 0
    var peakBytes = 0

    mutating func add(_ sample: Sample) {
      seconds.append(sample.seconds)
      cacheBytes = sample.cacheBytes
      peakBytes = max(peakBytes, sample.peakBytes)
    }
  }

  /// What the sequences of a test go on from.
  private enum Beginning {
    /// Nothing, so that peaks of memory are those of the sequences alone.
    case empty(capacity: Int)
    /// Tokens that all have in common.
    case filled(DecodingState)

    /// A state to go on with.
    func state(of model: Model) -> DecodingState {
      switch self {
      case .empty(let capacity): model.makeState(capacity: capacity)
      case .filled(let state): state.fork()
      }
    }
  }

  /// - Returns: `depth` tokens.
  private func begin(_ model: Model, _ test: BenchmarkTest) throws(HybridizeError) -> Beginning {
    guard test.depth > 0 else { return .empty(capacity: test.length) }
    let state = model.makeState(capacity: test.depth + test.length)
    try model.forward(Self.tokens(test.depth, model, stream: "depth"), state: state, rows: .none)
    return .filled(state)
  }

  private func time(
    _ model: Model, _ test: BenchmarkTest, _ beginning: Beginning, length: Int
  ) throws(HybridizeError) -> Sample {
    ProcessMemory.resetPeak()
    let sequences = Self.sequences(test, length, beginning, model)
    let clock = ContinuousClock()
    let begin = clock.now
    try feed(sequences, to: model, test)
    let seconds = (clock.now - begin).inSeconds
    return Sample(
      seconds: seconds, cacheBytes: sequences.reduce(0) { $0 + $1.state.byteCount }, peakBytes: ProcessMemory.peakBytes)
  }

  /// Sequences that go on from the same start, each with tokens of its own.
  private static func sequences(
    _ test: BenchmarkTest, _ length: Int, _ beginning: Beginning, _ model: Model
  ) -> [SequenceInput] {
    (0..<test.sequences).map { number in
      SequenceInput(
        tokens(length, model, stream: number == 0 ? "test" : "test \(number)"), state: beginning.state(of: model))
    }
  }

  private func feed(
    _ sequences: [SequenceInput], to model: Model, _ test: BenchmarkTest
  ) throws(HybridizeError) {
    if test.prompt > 0 { return try model.forward(sequences, rows: .last) { _, _ in } }
    for step in sequences[0].ids.indices {
      try model.forward(sequences.map { SequenceInput([$0.ids[step]], state: $0.state) }, rows: .last) { _, _ in }
    }
  }

  /// The fastest of up to three runs, as the others were disturbed more.
  private func profile(
    _ model: Model, _ test: BenchmarkTest, _ beginning: Beginning
  ) throws(HybridizeError) -> Profile {
    let clocked = ProfilingBackend(model.backend)
    let model = model.running(on: clocked)
    var best: Profile?
    for _ in 0..<min(options.repetitions, 3) {
      let sequences = Self.sequences(test, test.length, beginning, model)
      clocked.start()
      try feed(sequences, to: model, test)
      let profile = clocked.stop()
      if profile.nanoseconds < best?.nanoseconds ?? .max { best = profile }
    }
    return best ?? Profile()
  }

  private static func tokens(_ count: Int, _ model: Model, stream: String) -> [Int] {
    var generator = SeededGenerator(seed: 1, stream: stream)
    return (0..<count).map { _ in generator.index(below: model.configuration.vocabularySize) }
  }

  private func result(
    _ subject: Subject, _ test: BenchmarkTest, _ measured: Measurement, _ start: DecodingState, _ bandwidth: Double?,
    _ profile: Profile?
  ) -> BenchmarkResult {
    let tensors = subject.directory.reader.tensors
    let configuration = subject.model.configuration
    let parameters = tensors.reduce(0) { $0 + ((try? $1.shape.elementCount()) ?? 0) }
    let kind =
      configuration.convertedLayers.isEmpty
      ? "" : " hybrid \(configuration.keptLayers.count)/\(configuration.layerCount)"
    let types =
      subject.model.quantization?.type.rawValue.uppercased()
      ?? Set(tensors.map(\.elementType)).sorted { $0.rank < $1.rank }.map(\.rawValue).joined(separator: "+")
    return BenchmarkResult(
      model: subject.name,
      modelType: "\(configuration.architecture.name)\(kind) \(NumberText.count(parameters)) \(types)",
      modelBytes: subject.model.quantization == nil
        ? tensors.reduce(0) { $0 + $1.byteCount } : subject.model.weightBytes,
      parameters: parameters, test: test, samples: measured.seconds, cacheType: start.cacheType,
      cacheBytes: measured.cacheBytes,
      work: BenchmarkWork(test, subject.model, cacheBytes: start.byteCount, measured.cacheBytes / test.sequences),
      weightBandwidth: bandwidth, peakBytes: measured.peakBytes, profile: profile,
      mixers: configuration.mixers.map { type(of: $0).name })
  }
}
