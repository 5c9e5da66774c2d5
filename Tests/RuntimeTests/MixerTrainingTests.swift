import HybridizeCompute
import HybridizeRuntime
import TestSupport
import Testing

@Suite("mixers in training")
struct MixerTrainingTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let mixer: any MixerSpecification
    var architecture = Architecture.llama

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
    let pico = try PicoModel(mixer.architecture, biases: true, mixers: [mixer.mixer])
    try checkMixerTraining(pico.open(in: TemporaryDirectory()), layer: 0)
  }
}
