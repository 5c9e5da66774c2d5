import HybridizeCore
import HybridizeEvaluation

/// What a conversion will do or has done, as JSON and as text.
extension Conversion {
  /// - Parameter outcome: `nil` for a dry run.
  public func json(outcome: Outcome?) -> JSONObject {
    [
      "schema": .string("hybridize.convert/1"), "dry_run": .bool(outcome == nil), "plan": plan.json,
      "kept": .array(plan.kept.map { .integer($0) }), "converted": .array(plan.converted.map { .integer($0) }),
      "preset": .string(request.preset.rawValue), "engines": .string(request.preset.engines),
      "tensors": .array(accounting.steps.map { .object(Self.json($0)) }),
      "dropped": .array(accounting.dropped.map { .object($0.json) }),
      "written": .array((outcome?.files ?? []).map { .object($0.json) }),
      "seconds": .double(outcome?.seconds ?? 0), "peak_bytes": .integer(outcome?.peakBytes ?? 0),
    ]
  }

  private static func json(_ step: TransferStep) -> JSONObject {
    var object: JSONObject = [
      "name": .string(step.target.name), "dtype": .string(step.target.elementType.rawValue),
      "shape": .array(step.target.shape.dimensions.map { .integer($0) }),
    ]
    switch step.origin {
    case .copy(let name, .source):
      object["from"] = .string("copy")
      object["source"] = .string(name)
    case .copy(let name, .mixers):
      object["from"] = .string("mixers")
      object["source"] = .string(name)
    case .repeatHeads(let name, _, let times):
      object["from"] = .string("repeat-heads")
      object["source"] = .string(name)
      object["times"] = .integer(times)
    case .values: object["from"] = .string("new")
    }
    return object
  }

  /// - Parameter outcome: `nil` for a dry run.
  public func text(outcome: Outcome?) -> String {
    var text = "\(source.configuration.architecture.name), \(plan.mixers.count) layers: "
    text += "\(plan.kept.count) keep softmax attention (\(LayerList.text(plan.kept))), "
    text += "\(plan.converted.count) become gated DeltaNet (\(LayerList.text(plan.converted)))\n"
    if !plan.converted.isEmpty {
      text += "preset \(request.preset.rawValue), gates \(plan.initialisation.rawValue), seed \(plan.seed); "
      text += "loads in: \(request.preset.engines)\n"
    }
    text += "tensors: \(accounting.copied) copied, \(accounting.relaid) re-laid, \(accounting.initialised) new, "
    text += "\(accounting.dropped.count) dropped\n"
    for drop in accounting.dropped { text += "  dropped: \(ErrorText.escape(drop.tensor)): \(drop.reason)\n" }
    guard let outcome else { return text + "dry run: nothing was written\n" }
    let bytes = outcome.files.reduce(0) { $0 + $1.byteCount }
    text += "wrote \(ErrorText.escape(outcome.path)): \(outcome.files.count) files, \(NumberText.bytes(bytes)) in "
    text += "\(NumberText.fixed(outcome.seconds, 2)) s, peak memory \(NumberText.bytes(outcome.peakBytes))\n"
    return text
  }
}
