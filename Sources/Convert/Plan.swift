import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

/// Which layer becomes what, and how new parameters start. Selectors make plans, `Converter` carries them out.
public struct Plan: Sendable {
  /// The mixer of each layer afterwards, first layer first.
  public let mixers: [any MixerSpecification]
  /// Layers that this plan converts; the others stay as they are.
  public let converted: [Int]
  public let initialisation: GateInitialisation
  public let seed: UInt64

  /// The names of the mixers that converted layers get, for people; `none` if there are none.
  public var convertedMixerNames: String {
    let names = Set(converted.map { type(of: mixers[$0]).name }).sorted()
    return names.isEmpty ? "none" : names.joined(separator: ", ")
  }

  /// Layers that stay softmax attention.
  public var kept: [Int] { mixers.indices.filter { mixers[$0].isSoftmax } }

  /// A plan that keeps the layers `keep` and gives the other softmax layers `mixer`.
  ///
  /// - Throws: `.layerOutOfRange`, `.layerRepeated`, `.alreadyConverted`.
  public init(
    _ model: ModelConfiguration, keep: [Int], mixer: any MixerSpecification, initialisation: GateInitialisation,
    seed: UInt64
  ) throws(HybridizeError) {
    var seen: Set<Int> = []
    for layer in keep {
      guard model.mixers.indices.contains(layer) else {
        throw HybridizeError(
          .layerOutOfRange, expected: "layers from 0 to \(model.layerCount - 1)", found: "\(layer)")
      }
      guard seen.insert(layer).inserted else { throw HybridizeError(.layerRepeated, found: "\(layer)") }
      guard model.mixers[layer].isSoftmax else {
        throw HybridizeError(
          .alreadyConverted, expected: "one of \(LayerList.text(model.keptLayers))", found: "\(layer)",
          remedy: "convert the original model again with the layers that you want to keep")
      }
    }
    converted = model.mixers.indices.filter { model.mixers[$0].isSoftmax && !seen.contains($0) }
    let isConverted = Set(converted)
    mixers = model.mixers.enumerated().map { isConverted.contains($0.offset) ? mixer : $0.element }
    self.initialisation = initialisation
    self.seed = seed
  }

  /// The same layers with other mixers in the converted ones, as `--mixers-from` takes them.
  ///
  /// - Precondition: as many mixers as layers.
  func replacing(_ others: [any MixerSpecification]) -> Plan {
    precondition(others.count == mixers.count, "\(others.count) mixers for \(mixers.count) layers")
    return Plan(
      mixers: mixers.indices.map { converted.contains($0) ? others[$0] : mixers[$0] }, converted: converted,
      initialisation: initialisation, seed: seed)
  }

  private init(
    mixers: [any MixerSpecification], converted: [Int], initialisation: GateInitialisation, seed: UInt64
  ) {
    self.mixers = mixers
    self.converted = converted
    self.initialisation = initialisation
    self.seed = seed
  }

  /// One entry a layer: `{"layer": 3, "action": "convert", "mixer": "gated-deltanet", …}`.
  public var json: JSONValue {
    let isConverted = Set(converted)
    return .array(
      mixers.enumerated().map { index, mixer in
        var object: JSONObject = [
          "layer": .integer(index), "action": .string(isConverted.contains(index) ? "convert" : "keep"),
        ]
        for member in mixer.json.members { object[member.key] = member.value }
        return .object(object)
      })
  }
}

extension Problem {
  public static let layerOutOfRange = Problem("layerOutOfRange", .argument, "the model has no such layer")
  public static let layerRepeated = Problem("layerRepeated", .argument, "a layer is named twice")
  public static let alreadyConverted = Problem("alreadyConverted", .argument, "the layer is converted already")
}
