import ArgumentParser
import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Options that every command takes.
struct SharedOptions: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output.")
  var json = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Option(help: ArgumentHelp("Threads to compute with.", valueName: "n"))
  var threads: Int = SharedOptions.onlineProcessors

  static let onlineProcessors = CPUBackend.onlineProcessors

  func validate() throws {
    guard (1...1024).contains(threads) else { throw ValidationError("--threads must be from 1 to 1024") }
  }

  /// The backend that the command computes on.
  func backend() throws(HybridizeError) -> any Backend { try CPUBackend(threads: threads) }

  /// A bar on a terminal, plain lines elsewhere, nothing with `--quiet`.
  var progress: Progress {
    if quiet { return .silent }
    if Terminal.errorIsTerminal {
      return Progress(
        { update in
          let end = update.isLast ? "\r\u{1B}[K" : ""
          Terminal.status("\r" + update.bar(columns: Terminal.columns) + "\u{1B}[K" + end)
        }, tell: Terminal.error)
    }
    let log = Mutex(ProgressLog())
    let clock = ContinuousClock()
    let start = clock.now
    return Progress(
      { update in
        let line = log.withLock { $0.line(for: update, at: (clock.now - start).inSeconds) }
        if let line { Terminal.error(line) }
      }, tell: Terminal.error)
  }

  /// The result: one JSON object or what a person reads.
  func print(json object: @autoclosure () -> JSONObject, text: @autoclosure () -> String) {
    if json {
      Terminal.out(JSONWriter.indented(.object(object())), newline: false)
    } else {
      Terminal.out(text(), newline: false)
    }
  }
}

/// What every `--text` is.
struct TextOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where objects of a JSON text have the text.", valueName: "key"))
  var textKey = TextSource.usualKey

  @OptionGroup var special: SpecialTokenOptions

  /// What all commands say of it.
  static let help =
    "a file, a folder, a quoted pattern ('data/**/*.jsonl') or - for standard input; JSON lines, a JSON array or prose, "
    + "told by name (.jsonl, .ndjson, .json, .txt, .md) and content, also as .gz or .zst"
}

/// What is put around a text beside its own tokens.
struct SpecialTokenOptions: ParsableArguments {
  @Flag(
    name: .customLong("no-special-tokens"),
    help: "Leave out the tokens that the tokenizer puts around each text, such as the one that begins a document.")
  var areLeftOut = false
}

/// How commands that open a model read its config.json.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .customLong("ignore-field"),
    help: ArgumentHelp(
      "A field of config.json that is not known and changes nothing that the model computes; may be repeated.",
      valueName: "name"))
  var ignored: [String] = []

  var catalog: Catalog {
    var catalog = Catalog.standard
    catalog.ignoredFields = Set(ignored)
    return catalog
  }

  /// The same, for a command that reads text too.
  func catalog(_ special: SpecialTokenOptions) -> Catalog {
    var catalog = catalog
    catalog.addsSpecialTokens = !special.areLeftOut
    return catalog
  }
}

/// How commands that run a model hold it in memory.
struct LoadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Hold matrices as small integers: q8_0 (8.5 bits a weight) or q4_0 (4.5). The file's type unless given.",
      valueName: "type"))
  var quantize: QuantizedType?

  @Option(help: ArgumentHelp("Keys and values as f32 or bf16.", valueName: "type"))
  var kvDtype = CacheType.full

  var options: LoadOptions { LoadOptions(quantized: quantize, cacheType: kvDtype) }

  /// Says on standard error what quantising has changed.
  func report(_ model: Model, quiet: Bool) {
    guard let quantization = model.quantization, !quiet else { return }
    let worst = quantization.tensors.max { $0.error.relative < $1.error.relative }
    Terminal.error(
      "\(quantization.type.rawValue): \(quantization.tensors.count) matrices, relative error "
        + NumberText.fixed(100 * quantization.error.relative, 2) + " %"
        + (worst.map { ", at most \(NumberText.fixed(100 * $0.error.relative, 2)) % in \($0.name)" } ?? ""))
  }
}

extension QuantizedType: ExpressibleByArgument {}
extension CacheType: ExpressibleByArgument {}
