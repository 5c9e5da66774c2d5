import ArgumentParser
import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Rewrite a checkpoint: keep softmax attention in some layers, linear attention or a window in the rest.",
    discussion: """
      Weights are transferred, new gates are drawn from --seed; the result is a starting point for distillation. The \
      same inputs give the same bytes. OUT must not exist, and appears whole or not at all.
      """)

  @Argument(help: "The original model.")
  var source: String

  @Argument(help: "The directory to write.")
  var out: String

  @Option(help: ArgumentHelp("Layers that stay softmax attention: 0,6 or 0-3,7, none, all.", valueName: "layers"))
  var keep: String?

  @Option(help: "Share of the softmax layers to keep, chosen by --select.")
  var ratio: Double?

  @Option(help: ArgumentHelp("How --ratio chooses: any method of the command select.", valueName: "method"))
  var select = UniformSelector.name

  @OptionGroup(title: "Selection") var selection: SelectionOptions

  @Option(help: ArgumentHelp(stringLiteral: "The mixer of converted layers: \(Self.mixers)."))
  var mixer = GatedDeltaNetOptions.name

  @Option(help: "What converted layers are made of: best, portable or paper.")
  var preset: Preset = .best

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp(
      """
      An option of the mixer that differs from the preset's, for instance rotary=false or window=256; may be \
      repeated. The names are those of config.json, as --dry-run --json shows them.
      """, valueName: "name=value"),
    transform: MixerOption.init)
  var options: [MixerOption] = []

  @Option(help: "How new gates start: spread or paper; as the preset says unless given.")
  var gates: GateInitialisation?

  @Option(help: "Round weights to F32, BF16 or F16; as in the source unless given.")
  var dtype: ElementType?

  @OptionGroup var format: FormatOptions

  @Option(
    help: ArgumentHelp("Bytes of tensors in one file, at most: 5GB, 500MB, 1GiB.", valueName: "size"),
    transform: ByteSize.parse)
  var shardSize = ConversionRequest.defaultShardBytes

  @Option(help: "Begin the data of safetensors files at a multiple of so many bytes, for instance 4096.")
  var align = 8

  @Flag(help: "Give converted layers a key and value head for every query head.")
  var expandKeyValue = false

  @Option(
    help: ArgumentHelp("Take the mixers of converted layers from this model, aligned before.", valueName: "model"))
  var mixersFrom: String?

  @Option(
    help: ArgumentHelp(
      "Merge the LoRA adapter in this directory into the weights first; all layers are kept unless others are named.",
      valueName: "directory"))
  var adapter: String?

  @Option(help: "Seed of the new gates.")
  var seed: UInt64 = 0

  @Flag(help: "Show what would become of every tensor, and write nothing.")
  var dryRun = false

  @OptionGroup var opening: ConfigurationOptions
  @OptionGroup var shared: SharedOptions

  private static var mixers: String { TransferRegistry.all.map { $0.mixerName }.joined(separator: ", ") }

  func validate() throws {
    guard keep == nil || ratio == nil, keep != nil || ratio != nil || adapter != nil else {
      throw ValidationError("give either --keep or --ratio")
    }
    guard adapter == nil || ratio == nil else {
      throw ValidationError("--ratio selects layers of a model as it is: merge the adapter first, with --keep all")
    }
    if let dtype, !ElementCast.targets.contains(dtype) {
      throw ValidationError("--dtype must be F32, BF16 or F16")
    }
    guard (8...1 << 20).contains(align), align % 8 == 0 else {
      throw ValidationError("--align must be a multiple of 8, at most 1048576")
    }
    if let ratio, !(0...1).contains(ratio) { throw ValidationError("--ratio must be from 0 to 1") }
  }

  func run() throws {
    let chosen = try chosenLayers()
    var request = ConversionRequest(
      source: source, keep: try chosen.map { .layers($0.keep) } ?? keepRule(), mixer: mixer,
      choice: choice,
      gates: gates, elementType: dtype, format: format.chosen(threads: shared.threads), shardBytes: shardSize,
      alignment: align,
      mixersFrom: mixersFrom, adapter: adapter, seed: seed)
    request.selection = chosen?.record
    let conversion = try Conversion(request, methods: ConversionMethods(catalog: opening.catalog))
    if dryRun {
      shared.print(json: conversion.json(outcome: nil), text: conversion.text(outcome: nil))
      return
    }
    let outcome = try conversion.write(to: out, threads: shared.threads, progress: shared.progress)
    shared.print(json: conversion.json(outcome: outcome), text: conversion.text(outcome: outcome))
  }

  private func keepRule() throws(HybridizeError) -> ConversionRequest.Keep {
    switch keep {
    case "none": .layers([])
    case "all", nil: .all
    case let list?: .layers(try NumberList.parse(list, "--keep"))
    }
  }

  /// `nil` if the layers are named.
  private func chosenLayers() throws -> Selection? {
    guard let ratio else { return nil }
    let layers = try ModelDirectory(source, catalog: opening.catalog(selection.textOptions.special)).configuration
      .keptLayers
    var request = try selection.request(
      source, method: select, keep: Int((ratio * Double(layers.count)).rounded()), seed: seed)
    request.student = selection.student ?? mixersFrom
    request.mixer = mixer
    request.catalog = opening.catalog(selection.textOptions.special)
    request.choice = choice
    return try Pipeline(
      backend: try shared.backend(), progress: shared.progress, catalog: opening.catalog(selection.textOptions.special)
    ).select(
      request
    ).selection
  }

  private var choice: MixerChoice {
    MixerChoice(
      preset: preset, expandKeyValue: expandKeyValue,
      options: options.reduce(into: JSONObject()) { $0[$1.name] = $1.value })
  }
}

/// `name=value` on the command line, the value in JSON.
struct MixerOption {
  let name: String
  let value: JSONValue

  /// - Throws: `.badArgument`.
  init(_ text: String) throws(HybridizeError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, let value = try? JSONCursor.parse(Array(parts[1].utf8)) else {
      throw HybridizeError(.badArgument, expected: "--option: name=value, for instance rotary=false", found: text)
    }
    name = parts[0]
    self.value = value
  }
}

extension Preset: ExpressibleByArgument {}
extension ElementType: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
extension GateInitialisation: ExpressibleByArgument {}
