import HybridizeCompute
import HybridizeDistill
import HybridizeFormats
import TestSupport

/// A selection on the small model of the fixtures that takes a moment.
enum SelectionFixture {
  static let text = Fixtures.path("text/train.jsonl.zst")
  static let recall = Fixtures.path("text/recall.jsonl.zst")

  /// A text of some documents in a scratch folder, so that no test tokenises more.
  static func shortText(_ scratch: TemporaryDirectory) throws -> String {
    let path = scratch.path("short.jsonl")
    // Written once, as measurements belong to a file.
    if FileSystem.exists(path) { return path }
    let lines = try FileSystem.read(Fixtures.text, limit: 1 << 24).split(separator: UInt8(ascii: "\n")).prefix(60)
    return scratch.write("short.jsonl", lines.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined())
  }

  static func request(
    _ scratch: TemporaryDirectory, model: String = Fixtures.model, method: String = "kl-recall", keep: Int = 2
  ) throws -> SelectionRequest {
    var request = SelectionRequest(model: model, method: method, keep: keep)
    request.texts = [(try shortText(scratch), 1)]
    request.cache = scratch.makeDirectory("tokens")
    request.words = Fixtures.path("text/words.json")
    request.sequences = 3
    request.length = 64
    request.prompts = 2
    request.pairs = 6
    request.tokens = 256
    request.resamples = 50
    return request
  }

  /// The small model with attention that does something in one layer alone: the others' output projections are zero.
  static func modelMixing(in layer: Int, _ scratch: TemporaryDirectory) throws -> String {
    let copy = ModelCopy(in: scratch, as: "planted")
    try copy.rewriteWeights { tensors in
      for index in tensors.indices where tensors[index].name.hasSuffix("self_attn.o_proj.weight") {
        guard !tensors[index].name.contains("layers.\(layer).") else { continue }
        tensors[index].bytes = Array(repeating: 0, count: tensors[index].bytes.count)
      }
    }
    return copy.path
  }
}
