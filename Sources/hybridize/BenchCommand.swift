import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time prefill and decode of models side by side, as llama-bench does.",
    discussion: """
      The speed-up of each model is over the first: the ratio of the medians, with a 95 % interval over the repetitions. \
      Tests: ppN prefills N tokens, tgN decodes N tokens one by one, @ dN does so after N tokens. What the machine can do \
      at most is measured before: how fast memory is read, which bounds decoding, and how fast matrices are multiplied, \
      which bounds a prefill.
      """)

  @Argument(help: "Models, the original first.")
  var models: [String]

  @Option(help: "Tokens of the prefill test; 0 for none.")
  var prompt = 512

  @Option(help: "Tokens of the decode test; 0 for none.")
  var generate = 128

  @Option(
    help: ArgumentHelp("Tokens in the cache before, for instance 0,2048; 0 unless given.", valueName: "tokens"),
    transform: { try NumberList.parse($0, "--depth") })
  var depth = [0]

  @Option(
    help: ArgumentHelp("Sequences at a time, for instance 1,8; 1 unless given.", valueName: "count"),
    transform: { try NumberList.parse($0, "--sequences") })
  var sequences = [1]

  @Option(help: "Times that each test is measured.")
  var repetitions = 5

  @Flag(inversion: .prefixedNo, help: "Bind each thread to a processor of its own.")
  var pin = true

  @Flag(help: "Also say how long each layer and each operation takes.")
  var profile = false

  @Option(help: "md, json or csv.")
  var format: BenchmarkReport.Format = .md

  @Option(help: ArgumentHelp("Write a page with tables and plots.", valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Write the plot of tokens a second against context as SVG.", valueName: "file"))
  var plot: String?

  @OptionGroup(title: "Loading") var loading: LoadingOptions
  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    let limit = 1 << 24
    guard (0...limit).contains(prompt), (0...limit).contains(generate), prompt + generate > 0 else {
      throw ValidationError("--prompt and --generate must not be negative, and not both 0")
    }
    guard sequences.allSatisfy({ (1...1024).contains($0) }) else {
      throw ValidationError("--sequences must be from 1 to 1024")
    }
    guard repetitions > 0, depth.allSatisfy({ $0 <= limit }) else {
      throw ValidationError("--repetitions must be at least 1, --depth at most \(limit)")
    }
  }

  func run() throws {
    for path in [html, plot].compactMap({ $0 }) { try BenchmarkReport.checkWritable(path) }
    let report = try Pipeline(backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog).bench(
      models, tests: BenchmarkTest.all(prompt: prompt, generate: generate, depths: depth, sequences: sequences),
      options: Benchmark.Options(repetitions: repetitions, pinsThreads: pin, profiles: profile),
      loading: loading.options)
    if let html { try AtomicFile.write(report.html, to: html) }
    if let plot { try AtomicFile.write(report.plot, to: plot) }
    switch shared.json ? .json : format {
    case .json: Terminal.out(JSONWriter.indented(.object(report.json)), newline: false)
    case .csv: Terminal.out(report.csv, newline: false)
    case .md: Terminal.out(report.markdown, newline: false)
    }
  }
}

extension BenchmarkReport.Format: ExpressibleByArgument {}
