import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("architectures as files")
struct ArchitectureTests {
  @Test("each built-in family is the same after a way through JSON text", arguments: Architecture.all)
  func roundTrip(_ architecture: Architecture) throws {
    let text = JSONWriter.indented(.object(architecture.json))
    let read = try #require(try JSONCursor.parse(Array(text.utf8)).objectValue)
    #expect(try Architecture(json: read) == architecture)
  }

  @Test("a name and a model type are enough, the rest has defaults")
  func defaults() throws {
    let object = JSONValue(#"{"version": 1, "name": "mine", "model_types": ["mine"]}"#).objectValue!
    #expect(
      try Architecture(json: object) == Architecture(name: "mine", modelTypes: ["mine"], tensors: TensorNames()))
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let problem: Problem
    let path: [String]
    let value: JSONValue?

    init(_ name: String, _ problem: Problem, _ path: [String], _ json: String?) {
      testDescription = name
      self.problem = problem
      self.path = path
      value = json.map { JSONValue($0) }
    }
  }

  static let refusals: [Refusal] = [
    Refusal("an unknown key", .unknownField, ["colour"], "1"),
    Refusal("an unknown tensor", .unknownField, ["tensors", "bias"], #""b""#),
    Refusal("no version", .missingField, ["version"], nil),
    Refusal("a newer version", .wrongField, ["version"], "2"),
    Refusal("no name", .missingField, ["name"], nil),
    Refusal("no model types", .missingField, ["model_types"], nil),
    Refusal("a model type that is a number", .wrongField, ["model_types"], "[1]"),
    Refusal("a tensor's name that is a number", .wrongField, ["tensors", "query"], "1"),
    Refusal("tensors in a list", .wrongField, ["tensors"], "[]"),
    Refusal("an option that is a truth", .wrongField, ["query_key_norm"], "true"),
    Refusal("a tied head in words", .wrongField, ["tied_by_default"], #""yes""#),
    Refusal("required values in a list", .wrongField, ["required_values"], "[]"),
    Refusal("defaults in a list", .wrongField, ["defaults"], "[]"),
    Refusal("another kind of window", .wrongField, ["window"], #""some""#),
    Refusal("a part in words", .wrongField, ["partial_rotary"], #""yes""#),
    Refusal("derived tensors in a word", .wrongField, ["derived_tensors"], #""x""#),
  ]

  @Test("a family's file with a fault is refused", arguments: refusals)
  func refused(_ refusal: Refusal) {
    var file = JSONValue.object(Architecture.qwen3.json)
    file[refusal.path] = refusal.value
    expectProblem(refusal.problem) { try Architecture(json: file.objectValue!) }
  }

  @Test("a family given as a file loads a model whose tensors have other names")
  func otherNames() throws {
    let file = JSONValue(
      """
      {"version": 1, "name": "mine", "model_types": ["mine"], "query_key_value_bias": "always",
       "query_key_norm": "use_norm", "feed_forward_bias": "ff_bias", "tied_by_default": true,
       "required_values": {"act": "swish"},
       "tensors": {"embedding": "wte.weight", "final_norm": "ln_f.weight", "head": "out.weight", "layers": "h.",
        "mixer_norm": "ln_1.weight", "query": "attn.q", "key": "attn.k", "value": "attn.v", "output": "attn.o",
        "query_norm": "attn.qn.weight", "key_norm": "attn.kn.weight", "feed_forward_norm": "ln_2.weight",
        "gate": "mlp.g", "up": "mlp.u", "down": "mlp.d"}}
      """)
    let mine = try Architecture(json: file.objectValue!)
    let plain = Architecture(
      name: "plain", modelTypes: ["mine"], tensors: TensorNames(), queryKeyValueBias: .always,
      feedForwardBias: .configured("ff_bias"), queryKeyNorm: .configured("use_norm"),
      requiredValues: ["act": .string("swish")])
    let fields: JSONObject = ["use_norm": .bool(true)]
    let original = try PicoModel(plain, biases: true, fields: fields)
    // The same numbers under the other names; both layouts have the same order.
    var renamed = try PicoModel(mine, biases: true, fields: fields)
    #expect(renamed.tensors.map(\.name).contains("h.1.attn.kn.weight"))
    #expect(renamed.tensors.map(\.name).contains("h.1.mlp.d.bias"))
    for (tensor, source) in zip(renamed.tensors, original.tensors) {
      #expect(tensor.shape == source.shape)
      let values = (0..<source.bytes.count / 4).map {
        Double(source.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
      }
      renamed.set(tensor.name, values, as: .float32, shape: tensor.shape)
    }
    func logits(_ pico: PicoModel) throws -> [Float] {
      let model = try pico.load(on: ReferenceBackend())
      return try model.lastLogits([1, 2, 3, 4], state: model.makeState(capacity: 4))
    }
    #expect(try logits(renamed) == logits(original))
    expectProblem(.unsupportedArchitecture) { try ModelConfiguration(json: renamed.config.objectValue!) }
    renamed.config["act"] = .string("gelu")
    expectProblem(.wrongField) { try renamed.open(in: TemporaryDirectory()).path }
  }
}
