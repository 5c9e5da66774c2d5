import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What becomes of every tensor of the source, known before anything is written.
public struct Accounting: Sendable {
  public struct Drop: Sendable, Equatable {
    public let tensor: String
    public let reason: String
  }

  /// How each tensor of the output comes to be, in the model's order.
  public let steps: [TransferStep]
  /// Source tensors that nothing of the output is made of.
  public let dropped: [Drop]

  /// The step that makes each tensor of the output.
  var stepsByName: [UTF8Key: TransferStep] {
    Dictionary(uniqueKeysWithValues: steps.map { (UTF8Key($0.target.name), $0) })
  }

  public var copied: Int {
    steps.count { if case .copy = $0.origin { true } else { false } }
  }
  public var relaid: Int {
    steps.count { if case .repeatHeads = $0.origin { true } else { false } }
  }
  public var initialised: Int {
    steps.count { if case .values = $0.origin { true } else { false } }
  }

  /// - Parameter transfers: the rules to choose from.
  /// - Parameter donor: the model that the converted layers' mixers are taken from, if any.
  /// - Parameter elementType: the type that floating-point tensors are rounded to, but those that keep their precision.
  /// - Throws: `.unaccountedTensor` if a source tensor would be lost without a word.
  init(
    _ source: ModelDirectory, _ plan: Plan, transfers: [any TransferRule.Type], mixersFrom donor: ModelDirectory?,
    roundedTo elementType: ElementType?
  ) throws(HybridizeError) {
    let context = TransferContext(source: source, plan: plan)
    let isConverted = Set(plan.converted)
    func copy(_ name: String) throws(HybridizeError) -> TransferStep {
      TransferStep(try context.descriptor(name), .copy(name, from: .source))
    }
    var steps = [try copy(source.layout.embedding.name)]
    for (index, layer) in source.layout.layers.enumerated() {
      if !isConverted.contains(index) {
        for tensor in layer.mixer { steps.append(try copy(tensor.name)) }
      } else if let donor {
        for tensor in donor.layout.layers[index].mixer {
          guard let found = donor.reader.descriptor(named: tensor.name) else {
            throw HybridizeError(.missingTensor, file: donor.reader.path, tensor: tensor.name)
          }
          steps.append(TransferStep(found, .copy(tensor.name, from: .mixers)))
        }
      } else {
        steps += try TransferRegistry.rule(for: plan.mixers[index], of: transfers).steps(layer: index, context)
      }
      for tensor in layer.rest { steps.append(try copy(tensor.name)) }
    }
    steps.append(try copy(source.layout.finalNorm.name))
    if let head = source.layout.head { steps.append(try copy(head.name)) }
    for name in source.derivedTensors { steps.append(try copy(name)) }
    if let elementType {
      let precise = Self.precise(source, plan)
      steps = try steps.map { (step) throws(HybridizeError) in
        precise.contains(UTF8Key(step.target.name)) ? step : try step.rounded(to: elementType)
      }
    }
    self.steps = steps
    dropped = try Self.drops(source, plan, steps, replaced: donor != nil)
  }

  /// Names of the tensors that keep their precision.
  private static func precise(_ source: ModelDirectory, _ plan: Plan) -> Set<UTF8Key> {
    var names: Set<UTF8Key> = []
    for (layer, mixer) in zip(source.layout.layers, plan.mixers) {
      for tensor in mixer.tensors(source.configuration) where tensor.keepsPrecision {
        names.insert(UTF8Key(layer.prefix + tensor.name))
      }
    }
    return names
  }

  private static func drops(
    _ source: ModelDirectory, _ plan: Plan, _ steps: [TransferStep], replaced: Bool
  ) throws(HybridizeError) -> [Drop] {
    let used = Set(steps.compactMap { $0.sourceName.map(UTF8Key.init) })
    let mixerTensors = Set(plan.converted.flatMap { source.layout.layers[$0].mixer.map { UTF8Key($0.name) } })
    var dropped = source.names.unread.map { Drop(tensor: $0.tensor, reason: $0.reason) }
    for tensor in source.reader.tensors where !used.contains(UTF8Key(tensor.name)) {
      guard mixerTensors.contains(UTF8Key(tensor.name)) else {
        throw HybridizeError(.unaccountedTensor, file: source.reader.path, tensor: tensor.name)
      }
      let reason = replaced ? "replaced by the mixer taken from the other model" : "the new mixer has no place for it"
      dropped.append(Drop(tensor: tensor.name, reason: reason))
    }
    return dropped
  }
}

extension Problem {
  public static let unaccountedTensor = Problem(
    "unaccountedTensor", .inputFile, "the conversion would lose a tensor; nothing was written")
}
