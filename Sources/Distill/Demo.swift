import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The whole way on a small model, as one page: inspect, convert, verify, generate, bench.
public struct Demo {
  /// The original model.
  public let model: String
  /// A hybrid of it that was distilled, to show where the way leads.
  public let distilled: String
  /// Text to verify on.
  public let text: String
  public let sizes: Sizes

  /// How much is verified and timed.
  public struct Sizes: Sendable {
    public let documents: Int
    /// Tokens a document.
    public let documentLength: Int
    /// Tokens of the prefill test.
    public let prompt: Int
    /// Tokens of the decode test.
    public let generate: Int
    /// Tokens in the cache before a test.
    public let depths: [Int]
    public let repetitions: Int

    public init(
      documents: Int, documentLength: Int, prompt: Int, generate: Int, depths: [Int], repetitions: Int
    ) {
      self.documents = documents
      self.documentLength = documentLength
      self.prompt = prompt
      self.generate = generate
      self.depths = depths
      self.repetitions = repetitions
    }

    /// Some seconds on two processors.
    public static let standard = Sizes(
      documents: 24, documentLength: 256, prompt: 512, generate: 64, depths: [0, 4096], repetitions: 3)
  }

  /// Layers that the demo keeps.
  static let keep = [0, 6]
  static let prompt = "Phone book\nalpha: 1234\nbridge: 9876\nwater: 5550\nCalls\nbridge: 9876\nalpha: 1234\nwater:"

  public init(model: String, distilled: String, text: String, sizes: Sizes = .standard) {
    self.model = model
    self.distilled = distilled
    self.text = text
    self.sizes = sizes
  }

  /// - Parameter show: called with each part of the page.
  /// - Returns: every stage's summary.
  /// - Throws: what the stages throw.
  public func run(_ pipeline: Pipeline, show: (String) -> Void) throws(HybridizeError) -> JSONObject {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    var summary: JSONObject = ["schema": .string("hybridize.demo/1")]

    let inspection = try Inspection(model)
    show(Self.heading(1, "inspect \(model)"))
    show(inspection.text(contexts: [2048, 32768]))
    summary["inspect"] = .object(inspection.json())

    let converted = scratch.path + "/hybrid"
    let conversion = try Conversion(ConversionRequest(source: model, keep: .layers(Self.keep)))
    let outcome = try conversion.write(to: converted, progress: pipeline.progress)
    show(Self.heading(2, "convert --keep 0,6"))
    show(conversion.text(outcome: outcome))
    summary["convert"] = .object(conversion.json(outcome: outcome))

    summary["verify"] = .object(try verify(pipeline, converted, show))
    summary["generate"] = .object(try generate(pipeline, converted, show))

    show(Self.heading(5, "bench: original and hybrid on the same kernels"))
    let report = try pipeline.bench(
      [model, distilled],
      tests: BenchmarkTest.all(prompt: sizes.prompt, generate: sizes.generate, depths: sizes.depths),
      options: Benchmark.Options(repetitions: sizes.repetitions, pinsThreads: true))
    show(report.markdown)
    summary["bench"] = .object(report.json)
    return summary
  }

  private func verify(
    _ pipeline: Pipeline, _ converted: String, _ show: (String) -> Void
  ) throws(HybridizeError) -> JSONObject {
    show(Self.heading(3, "verify, on text that nothing was trained on"))
    var summary = JSONObject()
    for (name, path) in [("just converted", converted), ("converted and distilled", distilled)] {
      let result = try pipeline.verify(
        source: model, converted: path, text: text, documents: sizes.documents, length: sizes.documentLength)
      let failures = result.failures(largestDivergence: nil)
      show("\(name):\n" + Self.indented(result.text(failures)))
      summary[name] = .object(result.json(failures))
    }
    return summary
  }

  /// A number that stands in the prompt: what a hybrid can only know by recalling it.
  private func generate(
    _ pipeline: Pipeline, _ converted: String, _ show: (String) -> Void
  ) throws(HybridizeError) -> JSONObject {
    show(Self.heading(4, "generate: recall a number from the prompt"))
    show(Self.indented(Self.prompt + "\n"))
    var summary = JSONObject()
    for (name, path) in [("original", model), ("just converted", converted), ("distilled", distilled)] {
      let directory = try ModelDirectory(path)
      let tokenizer = try directory.tokenizer()
      var generator = Generator(try directory.load(on: pipeline.backend), sampler: .greedy)
      let outcome = try generator.generate(tokenizer.encode(Self.prompt), maximum: 6)
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
