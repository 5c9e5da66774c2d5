import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

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
    /// The field that the message names, with its parent.
    let names: String

    init(_ name: String, _ problem: Problem, _ fields: String, _ names: String) {
      testDescription = name
      self.problem = problem
      self.fields = JSONValue(python: fields)
      self.names = names
    }
  }

  static let refusals = [
    Refusal("an unknown kind", .wrongField, #"{"rope_scaling": {"rope_type": "mrope"}}"#, "rope_scaling.rope_type"),
    Refusal("an unknown kind, older", .wrongField, #"{"rope_scaling": {"type": "ntk"}}"#, "rope_scaling.type"),
    Refusal("no factor", .missingField, #"{"rope_scaling": {"type": "linear"}}"#, "rope_scaling.factor"),
    Refusal(
      "no factor, newer", .missingField, #"{"rope_parameters": {"rope_type": "linear"}}"#, "rope_parameters.factor"),
    Refusal(
      "a factor of zero", .wrongField, #"{"rope_scaling": {"type": "linear", "factor": 0}}"#, "rope_scaling.factor"),
    Refusal(
      "a factor in words", .wrongField, #"{"rope_scaling": {"type": "linear", "factor": "4"}}"#, "rope_scaling.factor"),
    Refusal("no number", .wrongField, #"{"rope_scaling": {"type": "linear", "factor": NaN}}"#, "rope_scaling.factor"),
    Refusal("no object", .wrongField, #"{"rope_scaling": "linear"}"#, "rope_scaling"),
    Refusal("a base of zero", .wrongField, #"{"rope_theta": 0}"#, "rope_theta"),
    Refusal("a base beyond numbers", .wrongField, #"{"rope_theta": 1e999}"#, "rope_theta"),
    Refusal("a base of infinity", .wrongField, #"{"rope_theta": Infinity}"#, "rope_theta"),
    Refusal(
      "Llama 3 the wrong way round", .wrongField,
      """
      {"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,
      "original_max_position_embeddings": 8192}}
      """, "rope_scaling.high_freq_factor"),
    Refusal(
      "two spellings that disagree", .wrongField,
      """
      {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "linear", "factor": 4.0}}
      """, "rope_scaling"),
    Refusal(
      "a rotation for each kind of layer", .wrongField,
      #"{"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1000.0}}}"#,
      "rope_parameters.full_attention"),
    Refusal(
      "tables of another length", .wrongField,
      #"{"rope_scaling": {"type": "longrope", "short_factor": [1, 2], "long_factor": [1, 2]}}"#,
      "rope_scaling.short_factor"),
    Refusal(
      "no tables", .missingField, #"{"rope_scaling": {"type": "longrope", "factor": 2}}"#, "rope_scaling.short_factor"),
    Refusal(
      "an odd part of a head", .wrongField,
      #"{"rope_scaling": {"type": "linear", "factor": 2, "partial_rotary_factor": 0.2}}"#,
      "rope_scaling.partial_rotary_factor"),
    Refusal(
      "more than a head", .wrongField, #"{"partial_rotary_factor": 1.5}"#, "partial_rotary_factor"),
  ]

  @Test("rotations that are not computed here are refused", arguments: refusals)
  func refused(_ refusal: Refusal) {
    let error = expectProblem(refusal.problem) { try configuration(refusal.fields, headDimension: 16) }
    #expect(error?.expected?.hasPrefix(refusal.names + ": ") == true, "\(error?.expected ?? "")")
    #expect(error?.found?.contains(refusal.names) == true, "\(error?.found ?? "")")
  }

  @Test("frequencies and attention factors of every kind are those of transformers in float64")
  func values() throws {
    let cases = try JSONValue.fixture("configs/rope.json").arrayValue!
    #expect(cases.count == 37)
    // The families' classes read the part of a head for scaled rotation alone.
    for example in cases.compactMap(\.objectValue) {
      var pico = try PicoModel(fields: ["head_dim": .integer(8), "max_position_embeddings": .integer(2048)])
      for (name, value) in example["fields"]!.objectValue!.members { pico.config[name] = value }
      let rotary = try ModelConfiguration(json: pico.config.objectValue!).rotary
      let expected = example["frequencies"]!.arrayValue!.map { $0.doubleValue! }
      let label = JSONWriter.compact(example["fields"]!) + " \(example["length"]!.integerValue!)"
      let found = rotary.inverseFrequencies(length: example["length"]!.integerValue!)
      #expect(found.count == expected.count, "\(label)")
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= 1e-13 * expected, "\(label): \(found) for \(expected)")
      }
      let factor = example["attention_factor"]!.doubleValue!
      #expect(abs(rotary.attentionFactor - factor) <= 1e-14 * factor, "\(label)")
    }
  }

  @Test("a part of the head turns where the family's class has it so")
  func part() throws {
    for (turns, dimension) in [(true, 8), (false, 16)] {
      let family = Architecture(
        name: "mine", modelTypes: ["mine"], tensors: TensorNames(), partialRotary: turns)
      let pico = try PicoModel(family, fields: ["head_dim": .integer(16), "partial_rotary_factor": .double(0.5)])
      let rotary = try ModelConfiguration(
        json: pico.config.objectValue!, catalog: Catalog(architectures: [family])
      ).rotary
      #expect(rotary.dimension == dimension && rotary.inverseFrequencies.count == dimension / 2)
      #expect(rotary.inverseFrequencies[1] == pow(10_000, -2 / Double(dimension)))
    }
  }
}
