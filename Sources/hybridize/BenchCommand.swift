import ArgumentParser
import HybridizeCore
import HybridizeDistill
import HybridizeEvaluation
import HybridizeRuntime

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time prefill and decode of models side by side, as llama-bench does.",
    discussion: """
      The speed-up of each model is over the first. Tests: ppN prefills N tokens, tgN decodes N tokens one by one, \
      @ dN does so after N tokens.
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

  @Option(help: "Times that each test is measured.")
  var repetitions = 5

  @Option(help: "md, json or csv.")
  var format: BenchmarkReport.Format = .md

  @OptionGroup(title: "Loading") var loading: LoadingOptions
  @OptionGroup var shared: SharedOptions

  func validate() throws {
    let limit = 1 << 24
    guard (0...limit).contains(prompt), (0...limit).contains(generate), prompt + generate > 0 else {
      throw ValidationError("--prompt and --generate must not be negative, and not both 0")
    }
    guard repetitions > 0, depth.allSatisfy({ $0 <= limit }) else {
      throw ValidationError("--repetitions must be at least 1, --depth at most \(limit)")
    }
  }

  func run() throws {
    let report = try Pipeline(backend: try shared.backend(), progress: shared.progress).bench(
      models, tests: BenchmarkTest.all(prompt: prompt, generate: generate, depths: depth), repetitions: repetitions,
      loading: loading.options)
    switch shared.json ? .json : format {
    case .json: Terminal.out(JSONWriter.indented(.object(report.json)), newline: false)
    case .csv: Terminal.out(report.csv, newline: false)
    case .md: Terminal.out(report.markdown, newline: false)
    }
  }
}

extension BenchmarkReport.Format: ExpressibleByArgument {}
