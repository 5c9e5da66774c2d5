import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// What a converted model has kept of its source, and whether its two ways of running agree.
public struct Verification: Sendable {
  public let tensors: TensorComparison
  /// Whether every layer has the mixer that it has in the source, with the same options.
  public let hasSameMixers: Bool
  /// Layers that are softmax attention in both, and whether all their tensors are bit-equal.
  public let keptLayers: [(layer: Int, equal: Bool)]
  public let agreement: [MixerAgreement]
  /// `nil` without a text.
  public let text: TextComparison?

  package init(
    tensors: TensorComparison, hasSameMixers: Bool, keptLayers: [(layer: Int, equal: Bool)],
    agreement: [MixerAgreement], text: TextComparison?
  ) {
    self.tensors = tensors
    self.hasSameMixers = hasSameMixers
    self.keptLayers = keptLayers
    self.agreement = agreement
    self.text = text
  }

  /// Prefill and step may differ by this share of the largest output, or by this much where outputs are small.
  public static let agreementTolerance = 1e-3

  /// The worst layer's difference between prefill and decode.
  public var prefillDecodeLargest: Double { agreement.map(\.largestDifference).largestMagnitude }

  /// Every tensor of the source is there, bit for bit, and no other, and all layers do with them what the source's do.
  public var isIdentical: Bool { hasSameMixers && tensors.tensors.allSatisfy { $0.status == .equal } }

  /// What is wrong, in words; empty if all is well.
  ///
  /// - Parameter largestDivergence: the divergence that is accepted, if any is asked for.
  public func failures(largestDivergence: Double?) -> [String] {
    var failures: [String] = []
    for layer in agreement
    where !(layer.largestDifference <= Self.agreementTolerance * max(1, layer.largestOutput)) {
      failures.append(
        "layer \(layer.layer) (\(layer.mixer)): prefill and decode differ by \(layer.largestDifference)")
    }
    if let text {
      if !text.divergence.isFinite { failures.append("the divergence from the source is not a number") }
      if let limit = largestDivergence, !(text.divergence <= limit) {
        failures.append("KL \(text.divergence) is above the accepted \(limit)")
      }
      if isIdentical && text.largestLogitDifference != 0 {
        failures.append("the models are identical, the logits are not")
      }
    }
    return failures
  }

  /// - Parameter documents: token ids to compare both models on; none for no comparison.
  /// - Parameter probe: token ids for the comparison of prefill and decode.
  /// - Throws: reading errors, and as `TextComparison.measure`.
  public static func run(
    source: ModelDirectory, converted: ModelDirectory, backend: any Backend, documents: [[Int]], probe: [Int],
    progress: Progress = .silent
  ) throws(HybridizeError) -> Verification {
    let tensors = try TensorComparison(source.reader, converted.reader)
    let student = try converted.load(on: backend)
    let agreement = try student.mixerAgreement(probe)
    var text: TextComparison?
    if documents.isEmpty {
      // Loading would have looked.
      try source.checkTiedHead()
    } else {
      let teacher = try source.load(on: backend)
      text = try TextComparison.measure(
        teacher: teacher, student: student, documents: documents, progress: progress)
    }
    return Verification(
      tensors: tensors,
      hasSameMixers: source.configuration.mixers.map(\.json) == converted.configuration.mixers.map(\.json),
      keptLayers: keptLayers(source, converted, tensors), agreement: agreement, text: text)
  }

  private static func keptLayers(
    _ source: ModelDirectory, _ converted: ModelDirectory, _ tensors: TensorComparison
  ) -> [(layer: Int, equal: Bool)] {
    let equal = Set(tensors.tensors.filter { $0.status == .equal }.map { UTF8Key($0.name) })
    let shared = Set(source.configuration.keptLayers).intersection(converted.configuration.keptLayers)
    return shared.sorted().map { index in
      (index, converted.layout.layers[index].tensors.allSatisfy { equal.contains(UTF8Key($0.name)) })
    }
  }
}
