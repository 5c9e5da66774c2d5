import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The whole way on a small model, as one page: inspect, select, distil the selected layers and evenly spaced ones alike, verify,
/// generate, compare, bench.
public struct Demo {
  public let trial: SelectionTrial
  public let sizes: Sizes

  /// How much is verified and timed.
  public struct Sizes: Sendable {
    /// Tokens of the prefill test.
    public let prompt: Int
    /// Tokens of the decode test.
    public let generate: Int
    /// Tokens in the cache before a test.
    public let depths: [Int]
    public let repetitions: Int

    public init(prompt: Int, generate: Int, depths: [Int], repetitions: Int) {
      self.prompt = prompt
      self.generate = generate
      self.depths = depths
      self.repetitions = repetitions
    }

    /// Some seconds on two processors.
    public static let standard = Sizes(prompt: 512, generate: 64, depths: [0, 4096], repetitions: 3)
  }

  static let prompt = "Phone book\nalpha: 1234\nbridge: 9876\nwater: 5550\nCalls\nbridge: 9876\nalpha: 1234\nwater:"

  public init(_ trial: SelectionTrial, sizes: Sizes = .standard) {
    self.trial = trial
    self.sizes = sizes
  }

  /// - Parameter show: called with each part of the page.
  /// - Returns: every stage's summary, and what became of both choices.
  /// - Throws: what the stages throw.
  public func run(
    _ pipeline: Pipeline, show: (String) -> Void
  ) throws(HybridizeError) -> (summary: JSONObject, outcome: SelectionTrial.Outcome) {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    var summary: JSONObject = ["schema": .string("hybridize.demo/2")]

    let inspection = try Inspection(trial.model, catalog: pipeline.catalog)
    show(Self.heading(1, "inspect \(trial.model)"))
    show(inspection.text(contexts: [2048, 32768]))
    summary["inspect"] = .object(inspection.json())

    show(Self.heading(2, "select --keep \(trial.keep): what is lost where a layer is converted?"))
    var request = trial.selectionRequest
    request.cache = FileSystem.join(scratch.path, "tokens")
    let report = try pipeline.select(request)
    show(report.text)
    summary["select"] = .object(report.json)

    let (aligned, guided, uniform) = try distill(pipeline, report, scratch.path, show, &summary)
    show(Self.heading(4, "verify: the student with the selected layers against its source"))
    let verification = try pipeline.verify(
      source: trial.model, converted: guided.path, text: trial.heldOut, documents: 4, length: 256)
    let failures = verification.failures(largestDivergence: nil)
    show(Self.indented(verification.text(failures)))
    summary["verify"] = .object(verification.json(failures))

    summary["generate"] = .object(
      try generate(
        pipeline,
        [
          ("teacher", trial.model), ("aligned, no layer kept", aligned), ("guided", guided.path),
          ("uniform", uniform.path),
        ],
        show))

    show(
      Self.heading(
        6, "what is kept: guided (\(LayerList.text(guided.keep))) and uniform (\(LayerList.text(uniform.keep)))"))
    let outcome = try outcome(guided, uniform, pipeline)
    show(Self.indented(outcome.chart))
    summary["quality"] = .object(outcome.json)

    show(Self.heading(7, "bench: teacher and student on the same kernels"))
    let bench = try pipeline.bench(
      [trial.model, guided.path],
      tests: BenchmarkTest.all(prompt: sizes.prompt, generate: sizes.generate, depths: sizes.depths),
      options: Benchmark.Options(repetitions: sizes.repetitions, pinsThreads: true))
    show(bench.markdown)
    summary["bench"] = .object(bench.json)
    return (summary, outcome)
  }

  private func distill(
    _ pipeline: Pipeline, _ report: SelectionReport, _ folder: String, _ show: (String) -> Void,
    _ summary: inout JSONObject
  ) throws(HybridizeError) -> (aligned: String, guided: SelectionTrial.Student, uniform: SelectionTrial.Student) {
    show(Self.heading(3, "distill: align all layers once, then match with the layers of each choice"))
    let (aligned, alignment) = try trial.align(pipeline, in: folder)
    show(Self.indented(alignment.text))
    var reports: JSONObject = ["align": .object(alignment.json)]
    var students: [SelectionTrial.Student] = []
    for (name, selection) in zip(["guided", "uniform"], report.selections) {
      let (student, match) = try trial.student(
        name, keep: selection.keep, aligned: aligned, pipeline, in: folder)
      show("\n  \(name), keep \(LayerList.text(selection.keep))\n" + Self.indented(match.text))
      reports[name] = .object(match.json)
      students.append(student)
    }
    summary["distill"] = .object(reports)
    return (aligned, students[0], students[1])
  }

  private func outcome(
    _ guided: SelectionTrial.Student, _ uniform: SelectionTrial.Student, _ pipeline: Pipeline
  ) throws(HybridizeError) -> SelectionTrial.Outcome {
    let teacher = try pipeline.judge(trial.judgementRequest(trial.model))
    return SelectionTrial.Outcome(
      guided: guided, uniform: uniform, teacherRecall: teacher.recall.first?.share ?? .nan,
      teacherPerplexity: teacher.comparison?.teacherPerplexity ?? .nan)
  }

  /// A number that stands in the prompt: what a hybrid can only know by recalling it.
  private func generate(
    _ pipeline: Pipeline, _ models: [(name: String, path: String)], _ show: (String) -> Void
  ) throws(HybridizeError) -> JSONObject {
    show(Self.heading(5, "generate: recall a number from the prompt"))
    show(Self.indented(Self.prompt + "\n"))
    var summary = JSONObject()
    for (name, path) in models {
      let directory = try ModelDirectory(path, catalog: pipeline.catalog)
      let tokenizer = try directory.tokenizer()
      var generator = Generator(try directory.load(on: pipeline.backend), sampler: .greedy)
      let outcome = try generator.generate(tokenizer.encode(Self.prompt, special: .before), maximum: 6)
      let answer = try tokenizer.decode(outcome.tokens)
      let line = String(answer.prefix { $0 != "\n" })
      show("  \(name): \(ErrorText.escape(line))\n")
      summary[name] = .string(answer)
    }
    return summary
  }

  private static func heading(_ number: Int, _ text: String) -> String {
    let title = "\(number). \(text)"
    return "\n\(title)\n\(String(repeating: "─", count: title.count))\n"
  }

  private static func indented(_ text: String) -> String {
    text.split(separator: "\n").map { "  \($0)\n" }.joined()
  }
}

/// A directory for the time of a run.
struct TemporaryDirectory {
  let path: String

  /// - Throws: `.cannotWrite`.
  init() throws(HybridizeError) {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((parent + "/hybridize-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw HybridizeError(.cannotWrite, file: parent, found: String(cString: strerror(errno)))
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func remove() { DirectoryTree.remove(path) }
}
