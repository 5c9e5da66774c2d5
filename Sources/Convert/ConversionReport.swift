import HybridizeCore
import HybridizeEvaluation

/// What a conversion will do or has done, as JSON and as text.
extension Conversion {
  /// - Parameter outcome: `nil` for a dry run.
  public func json(outcome: Outcome?) -> JSONObject {
    let isNew = donor == nil && !plan.converted.isEmpty
    var object: JSONObject = [
      "schema": .string("hybridize.convert/1"), "dry_run": .bool(outcome == nil), "plan": plan.json,
      "kept": .array(plan.kept.map { .integer($0) }), "converted": .array(plan.converted.map { .integer($0) }),
      "preset": isNew ? .string(request.choice.preset.rawValue) : .null,
      "engines": isNew ? .string(engines) : .null,
      "tensors": .array(accounting.steps.map { .object(json($0)) }),
      "dropped": .array(accounting.dropped.map { .object($0.json) }),
      "written": .array((outcome?.files ?? []).map { .object($0.json) }),
      "losses": .array(
        (outcome?.losses ?? []).map {
          .object([
            "tensor": .string($0.tensor), "overflows": .integer($0.overflows), "underflows": .integer($0.underflows),
          ])
        }),
      "continued": .integer(outcome?.continued ?? 0), "seconds": .double(outcome?.seconds ?? 0),
      "peak_bytes": .integer(outcome?.peakBytes ?? 0),
      "warnings": .array(source.stored.warnings.map { .string($0) }),
      "adapter": adapter.map { .object($0.json) } ?? .null,
    ]
    for name in ["renamed", "zeros"] { object[name] = source.names.json[name] }
    return object
  }

  private func json(_ step: TransferStep) -> JSONObject {
    var object: JSONObject = [
      "name": .string(step.target.name), "dtype": .string(step.target.elementType.rawValue),
      "shape": .array(step.target.shape.dimensions.map { .integer($0) }),
    ]
    switch step.origin {
    case .copy(let name, .source):
      object["from"] = .string(adapter?.changes[UTF8Key(name)] == nil ? "copy" : "merged")
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
    text += "\(plan.kept.count) keep softmax attention (\(LayerList.text(plan.kept)))"
    if !plan.converted.isEmpty {
      text += ", \(plan.converted.count) become \(plan.convertedMixerNames) (\(LayerList.text(plan.converted)))"
    }
    text += "\n"
    if let donor {
      text += "mixers of converted layers from \(ErrorText.escape(donor.path))\n"
    } else if accounting.initialised == 0, !plan.converted.isEmpty {
      text += "loads in: \(engines)\n"
    } else if !plan.converted.isEmpty {
      text += "preset \(request.choice.preset.rawValue), gates \(plan.initialisation.rawValue), seed \(plan.seed); "
      text += "loads in: \(engines)\n"
    }
    text += "tensors: \(accounting.copied) copied, \(accounting.relaid) re-laid, \(accounting.initialised) new, "
    text += "\(accounting.dropped.count) dropped\n"
    if let adapter { text += "adapter: \(adapter.summary)\n" }
    for note in source.notes where !note.hasPrefix("not read") { text += note + "\n" }
    for line in droppedLines { text += "  dropped: \(ErrorText.escape(line))\n" }
    guard let outcome else { return text + "dry run: nothing was written\n" }
    if let type = request.elementType {
      let lost = (outcome.losses.reduce(0) { $0 + $1.overflows }, outcome.losses.reduce(0) { $0 + $1.underflows })
      text += "rounded to \(type.rawValue): \(NumberText.grouped(lost.0)) values overflowed, "
      text += "\(NumberText.grouped(lost.1)) became zero\n"
    }
    if outcome.continued > 0 {
      text += "\(outcome.continued) tensors were finished before by a run that was interrupted\n"
    }
    let bytes = outcome.files.reduce(0) { $0 + $1.byteCount }
    text += "wrote \(ErrorText.escape(outcome.path)): \(outcome.files.count) files, \(NumberText.bytes(bytes)) in "
    text += "\(NumberText.fixed(outcome.seconds, 2)) s, peak memory \(NumberText.bytes(outcome.peakBytes))\n"
    return text
  }

  /// The dropped tensors, the same one of several layers on one line.
  var droppedLines: [String] {
    let layers = source.layout.layers
    var lines: [(text: String, reason: String, layers: [Int])] = []
    for drop in accounting.dropped {
      guard let index = layers.firstIndex(where: { drop.tensor.hasPrefix($0.prefix) }) else {
        lines.append((drop.tensor, drop.reason, []))
        continue
      }
      let part = String(drop.tensor.dropFirst(layers[index].prefix.count))
      if let line = lines.firstIndex(where: { $0.text == part && $0.reason == drop.reason && !$0.layers.isEmpty }) {
        lines[line].layers.append(index)
      } else {
        lines.append((part, drop.reason, [index]))
      }
    }
    return lines.map { line in
      line.text + (line.layers.isEmpty ? "" : " of layers \(LayerList.text(line.layers))") + ": " + line.reason
    }
  }
}
