import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("mixers in training")
struct MixerTrainingTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let mixer: any MixerSpecification
    var architecture = Architecture.llama
    var fields: JSONObject = [:]

    static let all: [Case] = {
      var windowed = SlidingWindowAttentionOptions()
      (windowed.window, windowed.sinks) = (7, 2)
      var cases = [
        Case(testDescription: "softmax attention", mixer: SoftmaxAttentionSpecification()),
        Case(
          testDescription: "softmax attention with biases", mixer: SoftmaxAttentionSpecification(),
          architecture: .qwen2),
        Case(
          testDescription: "softmax attention with norms", mixer: SoftmaxAttentionSpecification(),
          architecture: .qwen3),
        Case(testDescription: "sliding-window attention", mixer: windowed),
        Case(testDescription: "a window of the source", mixer: WindowedAttentionSpecification(window: 5)),
        Case(
          testDescription: "scaled rotation of a part of the head", mixer: SoftmaxAttentionSpecification(),
          fields: JSONValue(
            """
            {"head_dim": 8, "partial_rotary_factor": 0.5, "rope_scaling": {"rope_type": "yarn", "factor": 4,
             "original_max_position_embeddings": 8, "attention_factor": 1.5}}
            """
          ).objectValue!),
      ]
      cases += GatedDeltaNetTests.Options.all.map {
        Case(testDescription: "gated DeltaNet, \($0.testDescription)", mixer: $0.options)
      }
      cases += (PerChannelMixerTests.Options.plain + PerChannelMixerTests.Options.all).map {
        Case(testDescription: $0.testDescription, mixer: $0.mixer)
      }
      return cases
    }()
  }

  @Test("gradients are those of finite differences, of the input and of every parameter", arguments: Case.all)
  func gradients(_ mixer: Case) throws {
    let pico = try PicoModel(mixer.architecture, biases: true, mixers: [mixer.mixer], fields: mixer.fields)
    try checkMixerTraining(pico.open(in: TemporaryDirectory()), layer: 0)
  }
}
