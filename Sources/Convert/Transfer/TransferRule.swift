import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// How a layer's softmax attention becomes another mixer. One implementation a mixer, listed in
/// `TransferRegistry`.
public protocol TransferRule: Sendable {
  /// The mixer that this rule makes.
  associatedtype Mixer: MixerSpecification

  /// The mixer that a converted layer gets.
  ///
  /// - Throws: `.badArgument` for a choice that the mixer does not offer.
  static func mixer(for model: ModelConfiguration, _ choice: MixerChoice) throws(HybridizeError) -> Mixer

  /// Engines whose tensor layouts hold the mixer as the preset makes it.
  static func relaysTo(_ preset: Preset) -> [String]

  init(_ mixer: Mixer)

  /// The tensors of the layer's new mixer.
  ///
  /// - Throws: `.missingTensor`.
  func steps(layer: Int, _ context: TransferContext) throws(HybridizeError) -> [TransferStep]
}

/// What a user may choose about a new mixer.
public struct MixerChoice: Sendable, Equatable {
  public let preset: Preset
  /// A key and value head for every query head, also where the preset would keep them grouped.
  public let expandKeyValue: Bool
  /// Options that differ from the preset's, by their names in config.json.
  public let options: JSONObject

  public init(preset: Preset, expandKeyValue: Bool = false, options: JSONObject = [:]) {
    self.preset = preset
    self.expandKeyValue = expandKeyValue
    self.options = options
  }
}

/// What a transfer rule has to work with.
public struct TransferContext: Sendable {
  public let source: ModelDirectory
  public let plan: Plan

  /// The descriptor of a source tensor.
  ///
  /// - Throws: `.missingTensor`.
  public func descriptor(_ name: String) throws(HybridizeError) -> TensorDescriptor {
    guard let found = source.reader.descriptor(named: name) else {
      throw HybridizeError(.missingTensor, file: source.reader.path, tensor: name)
    }
    return found
  }
}

/// The rules by mixer. A new mixer's rule is its file and a line here.
public enum TransferRegistry {
  public static let all: [any TransferRule.Type] = [
    GatedDeltaNetTransfer.self, GatedLinearAttentionTransfer.self, KimiDeltaAttentionTransfer.self,
    SlidingWindowAttentionTransfer.self,
  ]

  /// The rule that makes the mixer of that name.
  ///
  /// - Throws: `.noTransferRule` with the mixers that there are rules for.
  static func rule(
    named name: String, of rules: [any TransferRule.Type]
  ) throws(HybridizeError) -> any TransferRule.Type {
    guard let rule = rules.first(where: { $0.mixerName == name }) else {
      throw HybridizeError(
        .noTransferRule, expected: rules.map { $0.mixerName }.joined(separator: ", "), found: name)
    }
    return rule
  }

  /// The rule for a mixer of a plan.
  ///
  /// - Throws: `.noTransferRule`.
  static func rule(
    for mixer: any MixerSpecification, of rules: [any TransferRule.Type]
  ) throws(HybridizeError) -> any TransferRule {
    func make<Rule: TransferRule>(_ type: Rule.Type) -> (any TransferRule)? { (mixer as? Rule.Mixer).map(type.init) }
    for rule in rules { if let made = make(rule) { return made } }
    throw HybridizeError(.noTransferRule, found: type(of: mixer).name)
  }
}

extension TransferRule {
  /// As config.json and `--mixer` name it.
  public static var mixerName: String { Mixer.name }

  public static func relaysTo(_ preset: Preset) -> [String] { [] }

  /// Which programs load what a preset makes.
  static func engines(_ preset: Preset) -> String {
    let others = relaysTo(preset)
    guard let last = others.last else { return "Hybridize" }
    let names = others.count > 1 ? others.dropLast().joined(separator: ", ") + " and " + last : last
    return "Hybridize; layers re-lay without loss to \(names)"
  }

  /// The mixer that a converted layer gets, with the options that the user chose by name.
  ///
  /// - Throws: as `mixer`; `.badMixerOption` for an option that the mixer does not have or a value that it cannot have.
  static func chosenMixer(
    for model: ModelConfiguration, _ choice: MixerChoice
  ) throws(HybridizeError) -> any MixerSpecification {
    let mixer = try mixer(for: model, choice)
    let names = mixer.json.keys.filter { $0 != "mixer" }
    var json = mixer.json
    for (name, value) in choice.options.members {
      guard names.contains(name) else {
        throw HybridizeError(
          .badMixerOption, expected: "an option of \(Mixer.name): \(names.joined(separator: ", "))", found: name)
      }
      json[name] = value
    }
    do throws(HybridizeError) { return try Mixer(json: json) } catch {
      throw HybridizeError(.badMixerOption, expected: error.expected, found: error.found)
    }
  }
}

extension Problem {
  public static let noTransferRule = Problem(
    "noTransferRule", .argument, "softmax attention cannot be converted into this mixer")
  public static let badMixerOption = Problem("badMixerOption", .argument, "the mixer cannot be made that way")
}
