import ArgumentParser
import HybridizeCore
import HybridizeDistill

struct DistillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: "Train a converted student: align its layers, match the teacher's predictions, or fine-tune.",
    discussion: """
      align: each converted layer learns to give what the teacher's attention gives there; the student is usually \
      converted with --keep none, and its layers then serve any choice of kept layers (convert --mixers-from). match: the \
      hybrid learns the teacher's distribution over the next token (KL). finetune: it learns the text itself.

      A training lives in OUT.training until it is done: its state, loss.jsonl and loss.svg. Interrupted at any moment, it \
      goes on with --resume to the same bytes. OUT must not exist, and appears whole or not at all.
      """)

  @Argument(help: "The original model.")
  var teacher: String

  @Argument(help: "The converted model to start from.")
  var student: String

  @Argument(help: "The directory to write.")
  var out: String

  @Option(
    name: .customLong("text"),
    help: ArgumentHelp("What to train on: \(TextOptions.help); may be repeated.", valueName: "text"))
  var texts: [String] = []

  @OptionGroup var textOptions: TextOptions

  @Option(
    help: ArgumentHelp(
      "The texts' shares of the tokens, for instance 0.95,0.05; equal unless given.", valueName: "shares")
  )
  var mix: String?

  @Option(help: "What to train.")
  var stage: TrainingStage

  @OptionGroup(title: "Training") var training: TrainingOptions

  @Option(
    help: ArgumentHelp("Layers to align, for instance 0-7; all converted ones unless given.", valueName: "layers"))
  var layers: String?

  @Flag(help: "Go on with a training that was interrupted, if there is one.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Seconds between two saves of the training, which is what an interruption costs; 0 saves after each step.",
      valueName: "seconds"))
  var saveEvery = 300.0

  @Option(help: "Element type of trained tensors; as in the student unless given.")
  var dtype: ElementType?

  @Option(
    help: ArgumentHelp(
      "Where tokenised texts are kept for other trainings; OUT.training unless given.", valueName: "dir"))
  var cache: String?

  @Flag(help: "Also say where the time goes, and how fast matrices are multiplied.")
  var profile = false

  @Option(
    help: ArgumentHelp(
      "Where the teacher's --top-k tokens are kept for other trainings: read if there, else computed and added.",
      valueName: "file"))
  var teacherCache: String?

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    guard saveEvery >= 0 else { throw ValidationError("--save-every must not be negative") }
    try TextShares.checkStandardInput(texts)
    if texts.isEmpty { throw ValidationError("give at least one --text") }
    if layers != nil, stage != .align { throw ValidationError("--layers is for --stage align") }
    if teacherCache != nil, training.topK == nil { throw ValidationError("--teacher-cache needs --top-k") }
    if training.topK != nil, stage != .match { throw ValidationError("--top-k is for --stage match") }
  }

  func run() throws {
    var request = Distillation.Request(
      teacher: teacher, student: student, out: out, texts: Array(zip(texts, try TextShares.parse(mix, of: texts))),
      settings: try training.settings(stage))
    request.textKey = textOptions.textKey
    request.options = training.stageOptions
    request.layers = try layers.map { (list) throws(HybridizeError) in try NumberList.parse(list, "--layers") }
    request.elementType = dtype
    request.catalog = opening.catalog(textOptions.special)
    request.cache = cache
    request.predictionFile = teacherCache
    request.resumes = resume
    request.saveInterval = saveEvery
    request.profiles = profile
    let report = try Distillation(request).run(on: shared.backend(), progress: shared.progress)
    shared.print(json: report.json, text: report.text)
  }
}

/// The numbers of a training: a preset, and each value by itself.
struct TrainingOptions: ParsableArguments {
  @Option(help: "Values that work together: small for some millions of tokens, paper as published.")
  var preset: TrainingPreset = .small

  @Option(help: "Tokens in all.")
  var tokens: Int?

  @Option(help: "Sequences a step.")
  var batch: Int?

  @Option(help: "Tokens a sequence.")
  var length: Int?

  @Option(help: ArgumentHelp("Tokens computed at a time; memory follows it, results do not.", valueName: "tokens"))
  var microBatch: Int?

  @Option(help: ArgumentHelp("Learning rate of mixers.", valueName: "rate"))
  var rate: Double?

  @Option(help: ArgumentHelp("Learning rate of all else.", valueName: "rate"))
  var restRate: Double?

  @Option(help: "How rates go: linear or cosine down, constant, or wsd (stay, then down over the last --decay-share).")
  var schedule: ScheduleShape?

  @Option(help: ArgumentHelp("Steps over which rates rise at the beginning.", valueName: "steps"))
  var warmup: Int?

  @Option(help: ArgumentHelp("What schedules but constant leave of the rate at the end.", valueName: "share"))
  var finalShare = 0.0

  @Option(help: ArgumentHelp("Steps of wsd on which rates fall, as a share of all.", valueName: "share"))
  var decayShare = 0.3

  @Option(help: "AdamW's memory of gradients.")
  var beta1: Double?

  @Option(help: "AdamW's memory of their squares.")
  var beta2: Double?

  @Option(help: "Weight decay of matrices.")
  var weightDecay: Double?

  @Option(help: ArgumentHelp("The longest gradient; 0 for any.", valueName: "norm"))
  var clip: Double?

  @Option(help: "Seed of the order of the text.")
  var seed: UInt64?

  @Option(help: ArgumentHelp("Steps between looks at held-out text.", valueName: "steps"))
  var evalEvery: Int?

  @Option(
    help: ArgumentHelp(
      "Stop when so many held-out losses in a row are no better; never unless given.", valueName: "looks"))
  var patience: Int?

  @Option(help: "match: what logits are divided by.")
  var temperature = 1.0

  @Option(
    help: ArgumentHelp(
      "match: so many of the teacher's most likely tokens, all others as one; the whole vocabulary unless given.",
      valueName: "tokens"))
  var topK: Int?

  @Flag(help: "align: the square of the distance, as the paper has it, instead of the distance.")
  var squared = false

  @Flag(help: "Let neither state nor attention reach from one document to the next.")
  var isolateDocuments = false

  @Flag(help: "Keep the inputs of layers alone and compute the rest again on the way back: less memory, more work.")
  var recompute = false

  enum ScheduleShape: String, ExpressibleByArgument, CaseIterable {
    case linear, cosine, constant, wsd
  }

  func validate() throws {
    guard temperature > 0, temperature.isFinite else { throw ValidationError("--temperature must be above zero") }
  }

  var stageOptions: StageOptions {
    var options = StageOptions()
    options.temperature = temperature
    options.topTokens = topK
    options.squaredDistance = squared
    options.isolatesDocuments = isolateDocuments
    options.recomputesActivations = recompute
    return options
  }

  /// The preset's values but for those that were given.
  func settings(_ stage: TrainingStage) throws -> TrainingSettings {
    var settings = TrainingSettings(preset, stage: stage, tokens: tokens)
    func set<Value>(_ path: WritableKeyPath<TrainingSettings, Value>, _ value: Value?) {
      if let value { settings[keyPath: path] = value }
    }
    set(\.batch, batch)
    set(\.length, length)
    set(\.microBatchTokens, microBatch)
    set(\.mixerRate, rate)
    set(\.restRate, restRate)
    set(\.beta1, beta1)
    set(\.beta2, beta2)
    set(\.weightDecay, weightDecay)
    if let clip { settings.clip = clip == 0 ? nil : clip }
    set(\.seed, seed)
    set(\.evaluationInterval, evalEvery)
    if let patience { settings.plateau = TrainingSettings.Plateau(evaluations: patience, improvement: 0.001) }
    switch schedule {
    case .linear?: settings.schedule.shape = .linear(finalShare: finalShare)
    case .cosine?: settings.schedule.shape = .cosine(finalShare: finalShare)
    case .constant?: settings.schedule.shape = .constant
    case .wsd?: settings.schedule.shape = .stableThenDecay(decayShare: decayShare, finalShare: finalShare)
    case nil: settings.schedule.shape = settings.schedule.shape.ending(at: finalShare)
    }
    if let warmup { settings.schedule.warmUpSteps = warmup }
    return settings
  }
}

extension TrainingStage: ExpressibleByArgument {}
extension TrainingPreset: ExpressibleByArgument {}
