import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// A selection at work: what selectors look at, each made when it is first asked for and shared by all candidates.
public final class SelectionRun {
  public let request: SelectionRequest
  public let directory: ModelDirectory
  /// The softmax layers of the model, from which is chosen.
  public let layers: [Int]
  public let backend: any Backend
  public let progress: Progress
  /// In the order of the request.
  private let sources: [TextSource]
  /// Measured so far.
  package let ledger: CandidateLedger
  private var scratch: TemporaryDirectory?
  private var models: (teacher: Model, student: Model)?
  private var madeJudge: CandidateJudge?
  private var texts: TrainingTexts?
  private var sequences: [JudgedSequence]?
  /// What is to be said where the text has less than was asked for.
  private(set) var shortage: String?
  private var prompts: [JudgedSequence]?
  package var trainedTokens = 0
  /// Tokens that went through a model otherwise than by the judge.
  var readTokens = 0

  /// Layers to choose.
  public var count: Int { request.keep }

  /// - Throws: what opening the model and the ledger throws; `.badArgument` for a request that cannot be.
  public init(_ request: SelectionRequest, on backend: any Backend, progress: Progress) throws(HybridizeError) {
    try request.checked()
    self.request = request
    self.backend = backend
    self.progress = progress
    directory = try ModelDirectory(request.model, catalog: request.catalog).noting(progress)
    layers = directory.configuration.keptLayers
    guard (0...layers.count).contains(request.keep) else {
      throw HybridizeError(
        .badArgument, file: request.model, expected: "0 to \(layers.count) layers to keep", found: "\(request.keep)")
    }
    sources = try request.texts.map { (text) throws(HybridizeError) in
      try TextSource(text.path, key: request.textKey)
    }
    ledger = try CandidateLedger(request, texts: sources)
  }

  deinit { scratch?.remove() }

  /// What has been taken so far, but for the time.
  package var cost: SelectionCost {
    SelectionCost(judgedTokens: (madeJudge?.tokens ?? 0) + readTokens, trainedTokens: trainedTokens)
  }

  // MARK: Models

  package var teacher: Model {
    get throws(HybridizeError) { try bothModels().teacher }
  }

  /// All layers converted.
  package var student: Model {
    get throws(HybridizeError) { try bothModels().student }
  }

  /// A directory for the time of the run.
  func scratchPath() throws(HybridizeError) -> String {
    if let scratch { return scratch.path }
    let made = try TemporaryDirectory()
    scratch = made
    return made.path
  }

  private func bothModels() throws(HybridizeError) -> (teacher: Model, student: Model) {
    if let models { return models }
    let student = try ModelDirectory(try studentPath(), catalog: request.catalog)
    try check(student)
    let loaded = (teacher: try directory.load(on: backend), student: try student.load(on: backend))
    models = loaded
    return loaded
  }

  /// The given student, or one that is converted for the run.
  func studentPath() throws(HybridizeError) -> String {
    if let path = request.student { return path }
    let path = FileSystem.join(try scratchPath(), "linear")
    if !FileSystem.exists(path) {
      let conversion = try Conversion(
        ConversionRequest(
          source: request.model, keep: .layers([]), mixer: request.mixer, choice: request.choice, seed: request.seed),
        methods: ConversionMethods(catalog: request.catalog))
      _ = try conversion.write(to: path, threads: backend.threads, progress: progress)
    }
    return path
  }

  private func check(_ student: ModelDirectory) throws(HybridizeError) {
    try Distillation.check(directory, student)
    if let kept = layers.first(where: { student.configuration.mixers[$0].isSoftmax }) {
      throw HybridizeError(
        .modelsDoNotFit, file: student.path, expected: "a converted layer \(kept)", found: "softmax attention",
        remedy: "give a student that was converted with --keep none")
    }
  }

  // MARK: What candidates are judged on

  package func judge() throws(HybridizeError) -> CandidateJudge {
    if let madeJudge { return madeJudge }
    let models = try bothModels()
    let judge = CandidateJudge(teacher: models.teacher, student: models.student)
    madeJudge = judge
    return judge
  }

  /// Stretches of text that no candidate is trained on, of each text by its share; which ones the seed says.
  package func text() throws(HybridizeError) -> [JudgedSequence] {
    if let sequences { return sequences }
    let texts = try trainingTexts()
    var random = SeededGenerator(seed: request.seed, stream: "text to select by")
    let made = zip(request.texts, texts.heldOutByText).flatMap { text, sequences -> [JudgedSequence] in
      random.sample(min(self.sequences(ofShare: text.share), sequences.count), of: sequences).map {
        JudgedSequence(text: $0.ids)
      }
    }
    sequences = made
    if made.count < request.sequences {
      shortage =
        "judged on \(NumberText.counted(made.count, "sequence")) of text where \(request.sequences) were asked for: "
        + "the text is short"
    }
    return made
  }

  /// How many sequences are taken of a text: some of each.
  func sequences(ofShare share: Double) -> Int {
    Int((Double(request.sequences) * share / request.texts.reduce(0) { $0 + $1.share }).rounded(.up))
  }

  /// - Throws: `.badArgument` where there is no text.
  func checkTexts() throws(HybridizeError) {
    guard !request.texts.isEmpty else {
      throw HybridizeError(
        .badArgument, expected: "a text to judge candidates on (--text)", found: "none",
        remedy: "give text like that which the model is to be good at")
    }
  }

  /// The texts, and what of them is never trained on.
  func trainingTexts() throws(HybridizeError) -> TrainingTexts {
    if let texts { return texts }
    try checkTexts()
    let folder = if let cache = request.cache { cache } else { FileSystem.join(try scratchPath(), "tokens") }
    let made = try TrainingTexts(
      Array(zip(sources, request.texts.map(\.share))), settings: matchSettings, folder: folder,
      // More than is judged on, so that seeds differ.
      heldOutSequences: 4 * request.sequences, directory, threads: backend.threads, progress: progress)
    texts = made
    return made
  }

  /// What prompts are made of.
  func wordList() throws(HybridizeError) -> [String] {
    try RecallTask.words(request.words, of: directory.tokenizer())
  }

  /// Phone books.
  package func answers() throws(HybridizeError) -> [JudgedSequence] {
    if let prompts { return prompts }
    let task = try RecallTask(
      pairs: request.pairs, prompts: request.prompts, words: wordList(), seed: request.seed,
      tokenizer: directory.tokenizer())
    let made = task.prompts.map { JudgedSequence(prompt: $0) }
    prompts = made
    return made
  }

  /// Tokens that a candidate is trained on: whole steps, at least one.
  var tokensACandidate: Int { matchSettings.steps * matchSettings.batch * matchSettings.length }

  /// How candidates are trained.
  var matchSettings: TrainingSettings {
    var settings = TrainingSettings(.small, stage: .match, tokens: request.tokens)
    settings.length = request.length
    settings.seed = request.seed
    return settings
  }
}

extension SelectionRun {
  /// What so much will take, from the teacher reading some hundred tokens of the first vocabulary.
  func expectedSeconds(_ cost: SelectionCost) throws(HybridizeError) -> Double {
    let whole = try secondsAToken(rows: .all)
    let layers = try secondsAToken(rows: .last)
    // Candidates share, on the average, half of their layers with a base. Training: the way there, back to inputs, back to
    // weights, and the teacher.
    return (whole - layers / 2) * Double(cost.judgedTokens) + 4 * whole * Double(cost.trainedTokens)
  }

  private func secondsAToken(rows: Model.LogitRows) throws(HybridizeError) -> Double {
    let ids = (0..<256).map { $0 % directory.configuration.vocabularySize }
    let model = try teacher
    let clock = ContinuousClock()
    var fastest = Double.infinity
    for _ in 0..<2 {
      let start = clock.now
      try model.forward(ids, state: model.makeState(capacity: ids.count), rows: rows)
      fastest = min(fastest, (clock.now - start).inSeconds)
    }
    return fastest / Double(ids.count)
  }
}
