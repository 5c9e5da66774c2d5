import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// The paper's claim on one model: layers that are chosen by what converting them costs against as many at even distances, both
/// distilled alike, judged by what they keep of the teacher.
public struct SelectionTrial {
  public var model: String
  /// What is trained on, each with its share of the tokens.
  public var texts: [(path: String, share: Double)]
  /// For phone books.
  public var words: String?
  /// What is judged on; nothing is trained on it.
  public var heldOut: String
  public var keep = 2
  public var alignTokens = 40_960
  public var matchTokens = 81_920
  public var seed: UInt64 = 0
  /// Documents and phone books that students are judged on.
  public var documents = 24
  public var prompts = 16
  /// Entries of a phone book.
  public var pairs = 32

  public init(model: String, texts: [(path: String, share: Double)], words: String? = nil, heldOut: String) {
    self.model = model
    self.texts = texts
    self.words = words
    self.heldOut = heldOut
  }

  /// What became of a choice of layers.
  public struct Student: Sendable {
    public let name: String
    public let keep: [Int]
    /// Of its model.
    public let path: String
    /// KL(teacher || student), in nats a token of held-out text.
    public let divergence: Double
    public let recall: Double
    public let perplexity: Double

    public init(name: String, keep: [Int], path: String, divergence: Double, recall: Double, perplexity: Double) {
      self.name = name
      self.keep = keep
      self.path = path
      self.divergence = divergence
      self.recall = recall
      self.perplexity = perplexity
    }

    var json: JSONObject {
      [
        "keep": .array(keep.map { .integer($0) }), "kl": .double(divergence), "recall": .double(recall),
        "perplexity": .double(perplexity),
      ]
    }
  }

  public struct Outcome: Sendable {
    public let guided: Student
    public let uniform: Student
    /// Recall of the teacher.
    public let teacherRecall: Double
    public let teacherPerplexity: Double

    public init(guided: Student, uniform: Student, teacherRecall: Double, teacherPerplexity: Double) {
      self.guided = guided
      self.uniform = uniform
      self.teacherRecall = teacherRecall
      self.teacherPerplexity = teacherPerplexity
    }

    /// KL of even distances over that of the chosen layers.
    public var ratio: Double { uniform.divergence / guided.divergence }

    /// The paper's claim as the fixtures show it: a KL 1.5 times lower, and recall that even distances lose.
    public var holds: Bool { ratio >= 1.5 && guided.recall >= 0.98 && uniform.recall < 0.05 }

    public var json: JSONObject {
      [
        "teacher": .object(["recall": .double(teacherRecall), "perplexity": .double(teacherPerplexity)]),
        "guided": .object(guided.json), "uniform": .object(uniform.json), "kl_ratio": .double(ratio),
      ]
    }
  }

  // MARK: Steps

  /// What `select` is asked.
  public var selectionRequest: SelectionRequest {
    var request = SelectionRequest(model: model, method: SelectorRegistry.standard, keep: keep)
    request.texts = texts
    request.words = words
    request.seed = seed
    request.compared = [UniformSelector.name]
    return request
  }

  /// Aligns a student with all layers converted; any choice of layers takes its mixers from there.
  ///
  /// - Returns: its path.
  /// - Throws: what converting and training throw.
  public func align(_ pipeline: Pipeline, in folder: String) throws(HybridizeError) -> (
    path: String, report: Distillation.Report
  ) {
    let linear = FileSystem.join(folder, "linear")
    _ = try Conversion(
      ConversionRequest(source: model, keep: .layers([]), elementType: .float32, seed: seed),
      methods: ConversionMethods(catalog: pipeline.catalog)
    ).write(to: linear)
    let path = FileSystem.join(folder, "aligned")
    let report = try distill(pipeline, .align, linear, to: path, tokens: alignTokens, folder)
    return (path, report)
  }

  /// Converts all layers but some, matches the result to the teacher, and judges it.
  ///
  /// - Throws: what converting, training and judging throw.
  public func student(
    _ name: String, keep: [Int], aligned: String, _ pipeline: Pipeline, in folder: String
  ) throws(HybridizeError) -> (student: Student, report: Distillation.Report) {
    let hybrid = FileSystem.join(folder, name + "-start")
    _ = try Conversion(
      ConversionRequest(source: model, keep: .layers(keep), elementType: .float32, mixersFrom: aligned),
      methods: ConversionMethods(catalog: pipeline.catalog)
    ).write(to: hybrid)
    let path = FileSystem.join(folder, name)
    let report = try distill(pipeline, .match, hybrid, to: path, tokens: matchTokens, folder)
    let judgement = try pipeline.judge(judgementRequest(path))
    let student = Student(
      name: name, keep: keep, path: path, divergence: judgement.comparison?.divergence ?? .nan,
      recall: judgement.recall.first?.share ?? .nan, perplexity: judgement.comparison?.studentPerplexity ?? .nan)
    return (student, report)
  }

  /// How students are judged.
  func judgementRequest(_ path: String) -> Judgement.Request {
    Judgement.Request(
      model: path, teacher: model, text: heldOut, documents: documents, pairs: [pairs],
      prompts: prompts, words: words, seed: seed + 1_000_000)
  }

  private func embeddingType(_ pipeline: Pipeline) throws(HybridizeError) -> ElementType? {
    let directory = try ModelDirectory(model, catalog: pipeline.catalog)
    let name = directory.configuration.architecture.tensors.embedding
    // Float8 is too coarse for what training changes.
    return (directory.reader.descriptor(named: name)?.elementType).map { $0.isFloat8 ? .bfloat16 : $0 }
  }

  private func distill(
    _ pipeline: Pipeline, _ stage: TrainingStage, _ student: String, to path: String, tokens: Int, _ folder: String
  ) throws(HybridizeError) -> Distillation.Report {
    var settings = TrainingSettings(.small, stage: stage, tokens: tokens)
    settings.seed = seed
    var request = Distillation.Request(teacher: model, student: student, out: path, texts: texts, settings: settings)
    request.cache = FileSystem.join(folder, "tokens")
    request.catalog = pipeline.catalog
    // A finished student is compared with the teacher in the teacher's own type.
    if stage == .match { request.elementType = try embeddingType(pipeline) }
    return try Distillation(request).run(on: pipeline.backend, progress: pipeline.progress)
  }
}

extension SelectionTrial.Outcome {
  private static let width = 40

  /// KL and recall of both beside the teacher, as bars.
  public var chart: String {
    let divergences = [("guided", guided.divergence), ("uniform", uniform.divergence)]
    let recalls = [("teacher", teacherRecall), ("guided", guided.recall), ("uniform", uniform.recall)]
    let most = divergences.map(\.1).filter(\.isFinite).max() ?? 1
    return "KL to the teacher, nats a token (less is better)\n"
      + divergences.map { bar($0.0, $0.1, of: most, digits: 3) }.joined()
      + "\nrecall of numbers from phone books (more is better)\n"
      + recalls.map { bar($0.0, $0.1, of: 1, digits: 3) }.joined()
  }

  private func bar(_ name: String, _ value: Double, of most: Double, digits: Int) -> String {
    let share = value.isFinite && most > 0 ? min(1, max(0, value / most)) : 0
    let filled = Int((share * Double(Self.width)).rounded())
    return "  " + name + String(repeating: " ", count: max(0, 9 - name.count))
      + String(repeating: "█", count: filled) + (filled == 0 ? "▏" : "") + " " + NumberText.fixed(value, digits) + "\n"
  }
}
