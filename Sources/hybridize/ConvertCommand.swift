import ArgumentParser
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Rewrite a checkpoint: keep softmax attention in some layers, linear attention in the rest.",
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

  @Option(help: ArgumentHelp(stringLiteral: "How --ratio chooses: \(Self.selectors)."))
  var select = UniformSelector.name

  @Option(help: ArgumentHelp(stringLiteral: "The mixer of converted layers: \(Self.mixers)."))
  var mixer = GatedDeltaNetOptions.name

  @Option(help: "What converted layers are made of: best, portable or paper.")
  var preset: Preset = .best

  @Flag(help: "Give converted layers a key and value head for every query head.")
  var expandKeyValue = false

  @Option(
    help: ArgumentHelp("Take the mixers of converted layers from this model, aligned before.", valueName: "model"))
  var mixersFrom: String?

  @Option(help: "Seed of the new gates.")
  var seed: UInt64 = 0

  @Flag(help: "Show what would become of every tensor, and write nothing.")
  var dryRun = false

  @OptionGroup var shared: SharedOptions

  private static var mixers: String { TransferRegistry.all.map { $0.mixerName }.joined(separator: ", ") }
  private static var selectors: String { SelectorRegistry.all.map { $0.name }.joined(separator: ", ") }

  func validate() throws {
    guard (keep == nil) != (ratio == nil) else { throw ValidationError("give either --keep or --ratio") }
    if let ratio, !(0...1).contains(ratio) { throw ValidationError("--ratio must be from 0 to 1") }
  }

  func run() throws {
    let request = ConversionRequest(
      source: source, keep: try keepRule(), mixer: mixer, preset: preset, expandKeyValue: expandKeyValue,
      mixersFrom: mixersFrom, seed: seed)
    let conversion = try Conversion(request)
    if dryRun {
      shared.print(json: conversion.json(outcome: nil), text: conversion.text(outcome: nil))
      return
    }
    let outcome = try conversion.write(to: out, progress: shared.progress)
    shared.print(json: conversion.json(outcome: outcome), text: conversion.text(outcome: outcome))
  }

  private func keepRule() throws(HybridizeError) -> ConversionRequest.Keep {
    switch keep {
    case nil: .ratio(ratio ?? 0, selector: select)
    case "none": .layers([])
    case "all": .all
    case let list?: .layers(try NumberList.parse(list, "--keep"))
    }
  }
}

extension Preset: ExpressibleByArgument {}
