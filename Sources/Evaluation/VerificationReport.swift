import HybridizeCore
import HybridizeRuntime

/// A verification as JSON and as text.
extension Verification {
  /// Token ids on which prefill and decode are compared: a fixed draw from the vocabulary, longer than a chunk.
  public static func probe(_ model: ModelConfiguration) -> [Int] {
    var generator = SeededGenerator(seed: 1, stream: "probe")
    return (0..<min(96, model.contextLength)).map { _ in generator.index(below: model.vocabularySize) }
  }

  public func json(_ failures: [String]) -> JSONObject {
    var object: JSONObject = [
      "schema": .string("hybridize.verify/1"), "passed": .bool(failures.isEmpty),
      "failures": .array(failures.map { .string($0) }), "tensors_equal": .integer(tensors.count(.equal)),
      "tensors_changed": .integer(tensors.count(.changed)), "tensors_added": .integer(tensors.count(.added)),
      "tensors_removed": .integer(tensors.count(.removed)), "identical": .bool(isIdentical),
      "tensors": .array(
        tensors.tensors.map { .object(["name": .string($0.name), "status": .string($0.status.rawValue)]) }),
      "kept_layers": .array(
        keptLayers.map { .object(["index": .integer($0.layer), "equal": .bool($0.equal)]) }),
      "prefill_decode_max_abs": .double(prefillDecodeLargest),
      "prefill_decode": .array(
        agreement.map {
          .object([
            "index": .integer($0.layer), "mixer": .string($0.mixer), "max_abs": .double($0.largestDifference),
            "largest_output": .double($0.largestOutput),
          ])
        }),
    ]
    let names = ["kl", "top1", "ppl", "ppl_source", "max_logit_difference", "documents", "tokens"]
    for name in names { object[name] = text?.json[name] ?? .null }
    return object
  }

  public func text(_ failures: [String]) -> String {
    var out = "tensors: \(tensors.count(.equal)) bit-equal, \(tensors.count(.changed)) changed, "
    out += "\(tensors.count(.added)) added, \(tensors.count(.removed)) removed\n"
    let exact = keptLayers.filter(\.equal).count
    out += "kept layers: \(exact) of \(keptLayers.count) bit-equal to the source\n"
    let mixers = Set(agreement.map(\.mixer)).sorted()
    for mixer in mixers {
      let worst = agreement.filter { $0.mixer == mixer }.map(\.largestDifference).max() ?? 0
      out += "prefill against decode, \(mixer): largest difference \(NumberText.short(worst))\n"
    }
    if let text {
      out += "text: \(text.documents) documents, \(NumberText.grouped(text.tokens)) tokens\n"
      out += "  KL(source || converted)   \(NumberText.fixed(text.divergence, 4)) nats a token\n"
      out += "  top-1 agreement           \(NumberText.fixed(100 * text.topOneAgreement, 2)) %\n"
      out += "  perplexity                \(NumberText.short(text.studentPerplexity)), source "
      out += "\(NumberText.short(text.teacherPerplexity))\n"
    }
    if failures.isEmpty { return out + "passed\n" }
    return out + failures.map { "FAILED: \($0)\n" }.joined()
  }
}
