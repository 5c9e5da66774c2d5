import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("rotary embedding")
struct RotaryEmbeddingTests {
  /// Expected frequencies are those of transformers 5.23's LlamaRotaryEmbedding, which computes in single precision.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let headDimension: Int
    let fields: JSONValue
    let expected: [Double]

    init(_ name: String, _ fields: String, headDimension: Int = 16, _ expected: [Double]) {
      testDescription = name
      self.headDimension = headDimension
      self.fields = JSONValue(fields)
      self.expected = expected
    }
  }

  private static let plain = [
    1.0, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786,
  ]
  private static let million = [
    1.0, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794, 3.16227743e-05, 5.62341347e-06,
  ]
  private static let linear = [
    0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05,
  ]
  private static let llama3 = [
    1.0, 0.663601279, 0.440366626, 0.292227834, 0.193922758, 0.128687382, 0.0853971019, 0.0566696189, 0.0376060307,
    0.0249554086, 0.0165604409, 0.0109895291, 0.00729266508, 0.00483942125, 0.00321144611, 0.00129054801,
    0.000429556705, 9.70828623e-05, 1.94616387e-05, 1.29147675e-05, 8.57025589e-06, 5.68723226e-06, 3.77405445e-06,
    2.50446715e-06, 1.66196742e-06, 1.10288363e-06, 7.31874934e-07, 4.85673127e-07, 3.22293289e-07, 2.1387423e-07,
    1.41927202e-07, 9.41830649e-08,
  ]

  static let cases = [
    Case("nothing said", #"{"rope_theta": null}"#, plain),
    Case("a base", #"{"rope_theta": 1000000.0}"#, million),
    Case("no scaling", #"{"rope_theta": 10000, "rope_scaling": null}"#, plain),
    Case(
      "a base within the newer spelling",
      #"{"rope_theta": null, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}"#, million),
    Case(
      "a base beside the newer spelling",
      #"{"rope_theta": 1000000.0, "rope_parameters": {"rope_type": "default"}}"#, million),
    Case("linear, first spelling", #"{"rope_scaling": {"type": "linear", "factor": 4.0}}"#, linear),
    Case("linear, second spelling", #"{"rope_scaling": {"rope_type": "linear", "factor": 4}}"#, linear),
    Case(
      "linear, newer spelling",
      #"{"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}}"#, linear),
    Case(
      "Llama 3, older spelling",
      """
      {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}
      """, headDimension: 64, llama3),
    Case(
      "Llama 3, both spellings alike",
      """
      {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "rope_parameters": {"rope_type": "llama3",
      "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}
      """, headDimension: 64, llama3),
  ]

  @Test("frequencies are those of transformers, in every spelling", arguments: cases)
  func frequencies(_ example: Case) throws {
    let found = try configuration(example.fields, headDimension: example.headDimension).rotary.inverseFrequencies
    #expect(found.count == example.expected.count)
    for (found, expected) in zip(found, example.expected) { #expect(abs(found / expected - 1) < 1e-6) }
  }

  private func configuration(_ fields: JSONValue, headDimension: Int) throws -> ModelConfiguration {
    var pico = try PicoModel(fields: ["head_dim": .integer(headDimension)])
    for (name, value) in fields.objectValue!.members { pico.config[name] = value }
    return try ModelConfiguration(json: pico.config.objectValue!)
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let problem: Problem
    let fields: JSONValue

    init(_ name: String, _ problem: Problem, _ fields: String) {
      testDescription = name
      self.problem = problem
      self.fields = JSONValue(fields)
    }
  }

  static let refusals = [
    Refusal("another kind", .wrongField, #"{"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}"#),
    Refusal("a dynamic kind", .wrongField, #"{"rope_scaling": {"type": "dynamic", "factor": 4.0}}"#),
    Refusal("no factor", .missingField, #"{"rope_scaling": {"type": "linear"}}"#),
    Refusal("a factor below one", .wrongField, #"{"rope_scaling": {"type": "linear", "factor": 0.5}}"#),
    Refusal("a factor in words", .wrongField, #"{"rope_scaling": {"type": "linear", "factor": "4"}}"#),
    Refusal("a field too much", .unknownField, #"{"rope_scaling": {"type": "linear", "factor": 4, "beta_fast": 32}}"#),
    Refusal("a part of the head", .unknownField, #"{"rope_parameters": {"partial_rotary_factor": 0.5}}"#),
    Refusal("no object", .wrongField, #"{"rope_scaling": "linear"}"#),
    Refusal("a base of zero", .wrongField, #"{"rope_theta": 0}"#),
    Refusal("a base beyond numbers", .wrongField, #"{"rope_theta": 1e999}"#),
    Refusal(
      "Llama 3 without its context", .missingField,
      #"{"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}}"#),
    Refusal(
      "Llama 3 the wrong way round", .wrongField,
      """
      {"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,
      "original_max_position_embeddings": 8192}}
      """),
    Refusal(
      "two spellings that disagree", .wrongField,
      """
      {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "linear", "factor": 4.0}}
      """),
  ]

  @Test("rotations that are not computed here are refused", arguments: refusals)
  func refused(_ refusal: Refusal) {
    expectProblem(refusal.problem) { try configuration(refusal.fields, headDimension: 16) }
  }
}
