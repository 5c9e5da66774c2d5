import HybridizeCore
import HybridizeFormats
import TestSupport

/// Adapters where models are expected, and files that are known and not read.
extension BadInput {
  private static let adapterFiles = ["adapter_config.json", "adapter_model.safetensors"]

  /// A command on the small model with an adapter beside it.
  private static func beside(_ name: String, _ rest: String...) -> BadInput {
    BadInput(
      "\(name) of a model with an adapter beside it", status: 3,
      ["adapter_config.json", "convert DIR OUT --adapter DIR"]
    ) { scratch in
      let model = ModelCopy(in: scratch)
      for file in adapterFiles { scratch.link("model/\(file)", to: Fixtures.path("adapter/plain-attention/\(file)")) }
      return [name, model.path] + rest.map { $0 == "OUT" ? scratch.path("out") : $0 }
    }
  }

  private static func alone(_ name: String, _ rest: String...) -> BadInput {
    BadInput(
      "\(name) of an adapter alone", status: 3,
      ["adapter_config.json", "an adapter of plain", "convert BASE OUT --adapter DIR"]
    ) { scratch in
      [name, Fixtures.path("adapter/plain-attention")] + rest.map { $0 == "OUT" ? scratch.path("out") : $0 }
    }
  }

  private static func file(_ name: String, _ mentions: [String]) -> BadInput {
    BadInput("a model that is \(name)", status: 3, mentions) { scratch in
      ["logits", scratch.write(name, "GGUF"), "--ids", "1", "--out", scratch.path("out")]
    }
  }

  static let adapters = [
    beside("inspect"), beside("logits", "--ids", "1", "--out", "OUT"), beside("convert", "OUT", "--keep", "0"),
    beside("verify", Fixtures.hybrid), beside("diff", Fixtures.model), beside("generate", "--prompt", "a"),
    beside("bench", "--depth", "0", "--generate", "1", "--prompt", "1", "--repetitions", "1"),
    beside("eval", "--recall", "8"), beside("select", "--keep", "2", "--text", Fixtures.text),
    beside("distill", Fixtures.hybrid, "OUT", "--stage", "match", "--tokens", "64", "--text", Fixtures.text),
    alone("inspect"), alone("logits", "--ids", "1", "--out", "OUT"), alone("convert", "OUT", "--keep", "0"),
    alone("diff", Fixtures.model),
    file("model.gguf", ["GGUF", "not read yet", "safetensors"]), file("pytorch_model.bin", ["GGUF"]),
    BadInput("an adapter for another model", status: 3, ["adapter_model.safetensors", "lora_A", "[4, 256]", "[4, 16]"])
    {
      ["convert", Fixtures.model, $0.path("out"), "--adapter", Fixtures.path("adapter/plain-attention")]
    },
    BadInput("an adapter and layers that are selected", status: 2, ["merge the adapter first", "--ratio"]) {
      [
        "convert", Fixtures.model, $0.path("out"), "--adapter", Fixtures.path("adapter/plain-attention"), "--ratio",
        "0.5",
      ]
    },
  ]
}
