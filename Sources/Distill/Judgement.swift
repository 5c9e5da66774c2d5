import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// What a model is worth: how far it is from its teacher on text, and what it recalls from its prompt.
public struct Judgement: Sendable {
  public struct Request: Sendable {
    public var model: String
    /// With a text: what the model is compared with.
    public var teacher: String?
    /// What `TextSource` takes.
    public var text: String?
    /// Where objects of the text have it.
    public var textKey = TextSource.usualKey
    public var documents: Int
    /// Tokens a document.
    public var length: Int
    /// Sizes of phone books.
    public var pairs: [Int]
    /// Phone books of each size.
    public var prompts: Int
    /// A list of words for them; words of the tokenizer unless given.
    public var words: String?
    public var seed: UInt64
    /// Tasks beside recall, with as many prompts of each.
    public var tasks: TaskRequest?

    public init(
      model: String, teacher: String? = nil, text: String? = nil, documents: Int = 96, length: Int = 256,
      pairs: [Int] = [], prompts: Int = 64, words: String? = nil, seed: UInt64
    ) {
      self.model = model
      self.teacher = teacher
      self.text = text
      self.documents = documents
      self.length = length
      self.pairs = pairs
      self.prompts = prompts
      self.words = words
      self.seed = seed
    }
  }

  public let request: Request
  /// With a teacher and a text.
  public let comparison: TextComparison?
  public let recall: [RecallResult]
  public let tasks: [TaskResult]

  public var json: JSONObject {
    [
      "schema": .string("hybridize.eval/1"), "model": .string(request.model),
      "teacher": request.teacher.map { .string($0) } ?? .null,
      "results": .object([
        "text": comparison.map { .object($0.json) } ?? .null,
        "recall": .array((recall + tasks.compactMap(\.recall)).map { .object($0.json) }),
        "tasks": .array(tasks.map { .object($0.json) }),
      ]),
    ]
  }

  public var text: String {
    var lines: [String] = []
    if let comparison {
      lines += [
        "KL          \(NumberText.fixed(comparison.divergence, 4)) nats a token, over \(comparison.tokens) tokens of "
          + "\(comparison.documents) documents",
        "top-1       \(NumberText.fixed(100 * comparison.topOneAgreement, 2)) % of the teacher's",
        "perplexity  \(NumberText.fixed(comparison.studentPerplexity, 3)); teacher "
          + NumberText.fixed(comparison.teacherPerplexity, 3),
      ]
    }
    for result in recall {
      lines.append(
        "recall      \(NumberText.fixed(result.share, 3)) of \(result.calls) calls among \(result.pairs) pairs")
    }
    return lines.map { $0 + "\n" }.joined() + (tasks.isEmpty ? "" : TaskResult.table(tasks))
  }
}

extension Pipeline {
  /// - Throws: what loading and running the models throw, `TextDocuments.read`, `RecallTask` and `TaskRequest.tasks`.
  public func judge(_ request: Judgement.Request) throws(HybridizeError) -> Judgement {
    let directory = try ModelDirectory(request.model, catalog: catalog).noting(progress)
    let tokenizer = try directory.tokenizer()
    let words = try RecallTask.words(request.words, of: tokenizer)
    var books: [RecallTask] = []
    for pairs in request.pairs {
      books.append(
        try RecallTask(
          pairs: pairs, prompts: request.prompts, words: words, seed: request.seed, tokenizer: tokenizer))
    }
    let tasks = try request.tasks?.tasks(
      prompts: request.prompts, words: words, seed: request.seed, tokenizer: tokenizer)
    let model = try directory.load(on: backend)
    var comparison: TextComparison?
    if let path = request.teacher, let text = request.text {
      let teacher = try ModelDirectory(path, catalog: catalog).noting(progress)
      try Self.check(length: request.length, [teacher, directory])
      let documents = try TextDocuments.read(
        TextSource(text, key: request.textKey), tokenizer: teacher.tokenizer(), length: request.length,
        limit: request.documents)
      comparison = try TextComparison.measure(
        teacher: try teacher.load(on: backend), student: model, documents: documents, progress: progress)
    }
    var recall: [RecallResult] = []
    for book in books { recall.append(try book.measure(model, progress: progress)) }
    var results: [TaskResult] = []
    for task in tasks ?? [] {
      results.append(try task.measure(model, greedy: request.tasks?.greedy == true, progress: progress))
    }
    return Judgement(request: request, comparison: comparison, recall: recall, tasks: results)
  }
}
