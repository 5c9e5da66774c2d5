import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// One stage of a distillation, from a teacher, a student and texts to a student that has learnt.
public struct Distillation {
  /// What is asked for.
  public struct Request: Sendable {
    public var teacher: String
    public var student: String
    /// The directory to write.
    public var out: String
    /// What to train on, each with its share of the tokens. A path is what `TextSource` takes.
    public var texts: [(path: String, share: Double)]
    /// Where objects of texts have the text.
    public var textKey = TextSource.usualKey
    public var settings: TrainingSettings
    public var options = StageOptions()
    /// Layers to align; all that are converted unless given.
    public var layers: [Int]?
    /// What models can be made of.
    public var catalog = Catalog.standard
    /// Element type of trained tensors; as in the student unless given.
    public var elementType: ElementType?
    /// Where tokenised texts are kept; with the training unless given.
    public var cache: String?
    /// A file for the teacher's most likely tokens: read where they are, written where they are not.
    public var predictionFile: String?
    /// Goes on with a training that was interrupted.
    public var resumes = false
    /// Seconds between two saves of the state: what an interruption costs at most.
    public var saveInterval = 300.0
    /// Clocks every operation of the training.
    public var profiles = false

    public init(
      teacher: String, student: String, out: String, texts: [(path: String, share: Double)], settings: TrainingSettings
    ) {
      self.teacher = teacher
      self.student = student
      self.out = out
      self.texts = texts
      self.settings = settings
    }

    /// Where the training lives until it is done.
    public var directory: String { out + ".training" }
  }

  public let request: Request
  public let teacher: ModelDirectory
  public let student: ModelDirectory
  /// Layers that are aligned; empty in other stages.
  public let layers: [Int]
  private let sources: [TextSource]

  /// Opens the models and checks that they fit.
  ///
  /// - Throws: `.badArgument` for settings that cannot be; `.castUnsupported` for an element type that nothing is trained
  ///   in; what opening models and finding texts throws; `.outputExists`; `.modelsDoNotFit`, `.nothingToAlign`.
  public init(_ request: Request) throws(HybridizeError) {
    self.request = request
    _ = try request.settings.checked()
    if let type = request.elementType { _ = try ElementCast(from: .float32, to: type) }
    try AtomicRename.checkFree(request.out)
    teacher = try ModelDirectory(request.teacher, catalog: request.catalog)
    student = try ModelDirectory(request.student, catalog: request.catalog)
    try Self.check(teacher, student)
    layers = request.settings.stage == .align ? try Self.aligned(request.layers, student) : []
    sources = try request.texts.map { (text) throws(HybridizeError) in
      try TextSource(text.path, key: request.textKey)
    }
  }

  /// - Throws: `.modelsDoNotFit` for a student of other sizes.
  static func check(_ teacher: ModelDirectory, _ student: ModelDirectory) throws(HybridizeError) {
    func sizes(_ directory: ModelDirectory) -> String {
      let model = directory.configuration
      return "\(model.layerCount) layers, hidden \(model.hiddenSize), \(model.vocabularySize) tokens"
    }
    guard sizes(teacher) == sizes(student) else {
      throw HybridizeError(.modelsDoNotFit, file: student.path, expected: sizes(teacher), found: sizes(student))
    }
  }

  private static func aligned(_ wanted: [Int]?, _ student: ModelDirectory) throws(HybridizeError) -> [Int] {
    let converted = student.configuration.convertedLayers
    if let wrong = wanted?.first(where: { !converted.contains($0) }) {
      throw HybridizeError(
        .nothingToAlign, file: student.path, expected: "a converted layer", found: "layer \(wrong)",
        remedy: "layers that keep the teacher's attention have nothing to learn from it")
    }
    let layers = (wanted ?? converted).sorted()
    guard !layers.isEmpty else {
      throw HybridizeError(
        .nothingToAlign, file: student.path, expected: "converted layers", found: "none",
        remedy: "convert the teacher with --keep none first")
    }
    return layers
  }

  /// Trains and writes the result.
  ///
  /// - Throws: what loading, reading texts, training and writing throw.
  public func run(on base: any Backend, progress: Progress) throws(HybridizeError) -> Report {
    for model in [teacher, student] { model.noting(progress) }
    let clock = request.profiles ? ProfilingBackend(base) : nil
    let backend: any Backend = clock ?? base
    let scope: TrainableModel.Scope = request.settings.stage == .align ? .mixers(layers: layers) : .everything
    let model = try TrainableModel(student, training: scope, on: backend)
    let (trainer, texts) = try prepared(model, on: backend, progress)
    clock?.start()
    let outcome = try trainer.run(resuming: request.resumes)
    // Measuring what the machine can do takes more memory than some trainings.
    let peakBytes = ProcessMemory.peakBytes
    let profile = clock.map { TrainingProfile($0.stop(), limits: base.measureLimits()) }
    let report = Report(
      request: request, layers: layers, outcome: outcome,
      parameters: model.parameters.all.reduce(0) {
        $0 + $1.values.elementCount
      }, texts: reportedTexts(texts, outcome), peakBytes: peakBytes, profile: profile)
    try write(model, report, progress)
    DirectoryTree.remove(request.directory)
    return report
  }

  /// What is ready to train. Where a text cannot be used it leaves no directory behind that no training is in.
  private func prepared(
    _ model: TrainableModel, on backend: any Backend, _ progress: Progress
  ) throws(HybridizeError) -> (Trainer, TrainingTexts) {
    // Options that do not go together show before anything is made.
    let objective = try objective(model, on: backend)
    let isNew = !FileSystem.exists(request.directory)
    let texts: TrainingTexts
    do {
      texts = try trainingTexts(threads: backend.threads, progress)
    } catch {
      // Another training may have begun there meanwhile.
      let hasOnlyTokens = isNew && (try? FileSystem.list(request.directory)) == ["tokens"]
      if hasOnlyTokens || Self.isBare(request.directory) { DirectoryTree.remove(request.directory) }
      throw error
    }
    let trainer = try Trainer(
      objective, settings: request.settings, source: texts.source, heldOut: texts.heldOut, in: request.directory,
      fingerprint: try fingerprint(texts), saving: .everySeconds(request.saveInterval), progress: progress)
    return (trainer, texts)
  }

  /// Whether a directory has no file in it, however deep.
  private static func isBare(_ path: String) -> Bool {
    guard FileSystem.isDirectory(path), let names = try? FileSystem.list(path) else { return false }
    return names.allSatisfy { isBare(FileSystem.join(path, $0)) }
  }

  /// How much of each text there is, and how much of it was read.
  private func reportedTexts(_ texts: TrainingTexts, _ outcome: TrainingOutcome) -> [Report.Text] {
    let whole = request.texts.reduce(0) { $0 + $1.share }
    return sources.indices.map { index in
      let read = Double(outcome.tokens) * request.texts[index].share / whole
      return Report.Text(
        name: sources[index].name, tokens: texts.tokens[index], passes: read / Double(texts.tokens[index]),
        heldOutSequences: texts.heldOutByText[index].count)
    }
  }

  private func trainingTexts(threads: Int, _ progress: Progress) throws(HybridizeError) -> TrainingTexts {
    try FileSystem.makeDirectory(request.directory)
    return try TrainingTexts(
      Array(zip(sources, request.texts.map(\.share))), settings: request.settings,
      folder: request.cache ?? FileSystem.join(request.directory, "tokens"), teacher, threads: threads,
      progress: progress)
  }

  private func write(
    _ model: TrainableModel, _ report: Report, _ progress: Progress
  ) throws(HybridizeError) {
    let trained = Set(model.parameters.all.map(\.name))
    let exact = Set(student.layout.tensors.filter(\.keepsPrecision).map(\.name))
    try DistilledCheckpoint(
      student: student, records: [report.record], summary: report.summary, curves: try curves(),
      elementType: { tensor in
        guard trained.contains(tensor.name), !exact.contains(tensor.name) else { return nil }
        // Float8 is too coarse for what training changes.
        return request.elementType ?? (tensor.elementType.isFloat8 ? .bfloat16 : nil)
      },
      values: model.trainedValues
    ).write(to: request.out, progress: progress)
  }

  private func objective(
    _ model: TrainableModel, on backend: any Backend
  ) throws(HybridizeError) -> any TrainingObjective {
    switch request.settings.stage {
    case .align:
      AlignmentObjective(
        teacher: try teacher.load(on: backend), student: model, layers: layers, options: request.options)
    case .match:
      try MatchObjective(
        teacher: try teacher.load(on: backend), student: model, options: request.options,
        file: try request.predictionFile.map { (path) throws(HybridizeError) in
          MatchObjective.PredictionFile(
            path: path, length: request.settings.length,
            identity: try Self.identity(of: teacher, and: "top \(request.options.topTokens ?? 0)"))
        })
    case .finetune: FinetuneObjective(student: model, options: request.options)
    }
  }

  /// What decides the outcome beside the settings.
  private func fingerprint(_ texts: TrainingTexts) throws(HybridizeError) -> String {
    let options = JSONWriter.compact(.object(request.options.json))
    return try Self.identity(of: teacher, student, and: "\(texts.fingerprint) \(layers) \(options)")
  }

  /// 64 hexadecimal digits that other files of weights do not have.
  private static func identity(of models: ModelDirectory..., and rest: String) throws(HybridizeError) -> String {
    let files = try FileSystem.identities(models.flatMap(\.reader.files))
    return SHA256.hash(text: ([rest] + files).joined(separator: "\n"))
  }

  /// Curves of this stage and of those that the student has gone through, as files to be copied.
  private func curves() throws(HybridizeError) -> [(name: String, path: String)] {
    let stage = request.settings.stage.rawValue
    var curves = TrainingFiles.curveNames.map { (name: "\(stage)-\($0)", path: FileSystem.join(request.directory, $0)) }
    for name in try FileSystem.list(student.path)
    where TrainingFiles.curveNames.contains(where: { name.hasSuffix("-" + $0) })
      && !curves.contains(where: { $0.name == name })
    {
      curves.append((name, FileSystem.join(student.path, name)))
    }
    return curves
  }
}

extension Problem {
  public static let modelsDoNotFit = Problem("modelsDoNotFit", .argument, "teacher and student are not of one model")
  public static let nothingToAlign = Problem("nothingToAlign", .argument, "there is no such layer to align")
}
