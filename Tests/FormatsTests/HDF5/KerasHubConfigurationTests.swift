import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a KerasHub configuration")
struct KerasHubConfigurationTests {
  private func preset(_ family: String) throws -> JSONObject {
    try #require(try JSONCursor.parse(try HDF5Fixtures.bytes("keras/\(family)/config.json")).objectValue)
  }

  private func converted(_ family: String, _ edit: (inout JSONObject) -> Void = { _ in }) throws -> JSONObject {
    var configuration = try preset(family)
    var arguments = try #require(configuration["config"]?.objectValue)
    edit(&arguments)
    configuration["config"] = .object(arguments)
    return try #require(try KerasHubConfiguration.huggingFace(configuration))
  }

  @Test("corresponds to one of Hugging Face", arguments: HDF5LayoutTests.families)
  func families(_ family: String) throws {
    let result = try converted(family)
    #expect(result["model_type"] == .string(family))
    #expect(result["vocab_size"] == .integer(12))
    let isGPT2 = family == "gpt2"
    #expect(result[isGPT2 ? "n_embd" : "hidden_size"] == .integer(8))
    #expect(result[isGPT2 ? "n_head" : "num_attention_heads"] == .integer(isGPT2 ? 2 : 4))
    if isGPT2 { #expect(result["n_positions"] == .integer(6)) }
    if !isGPT2 {
      #expect(result["num_key_value_heads"] == .integer(2))
      #expect(result["rope_theta"]?.doubleValue == 10000)
      #expect(result["tie_word_embeddings"] == .bool(family.hasPrefix("qwen")))
    }
  }

  @Test("keeps Llama 3's scaling of the rotation")
  func scaling() throws {
    let result = try converted("llama") {
      $0["rope_frequency_adjustment_factor"] = .number("8.0")
      $0["rope_low_freq_factor"] = .number("1.0")
      $0["rope_high_freq_factor"] = .number("4.0")
      $0["rope_pretraining_sequence_length"] = .integer(8192)
    }
    let scaling = try #require(result["rope_scaling"]?.objectValue)
    #expect(
      scaling.keys == [
        "rope_type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
      ])
    #expect(result["max_position_embeddings"] == .integer(131_072))
    let linear = try converted("qwen2") { $0["rope_scaling_factor"] = .number("2.0") }
    #expect(linear["rope_scaling"]?.objectValue?["rope_type"] == .string("linear"))
    expectProblem(.unknownKerasHubModel) { try converted("llama") { $0["rope_low_freq_factor"] = .number("1.0") } }
  }

  @Test("keeps a sliding window in the words of its family")
  func window() throws {
    #expect(try converted("mistral") { $0["sliding_window"] = .integer(512) }["sliding_window"] == .integer(512))
    #expect(try converted("mistral") { $0["sliding_window"] = .null }["sliding_window"] == .null)
    let qwen = try converted("qwen3") { $0["sliding_window_size"] = .integer(4) }
    #expect(qwen["use_sliding_window"] == .bool(true) && qwen["sliding_window"] == .integer(4))
    #expect(qwen["max_window_layers"] == .integer(0))
    #expect(
      try converted("qwen2") { $0["use_sliding_window_attention"] = .bool(false) }["use_sliding_window"] == .bool(false)
    )
  }

  @Test("is refused for a class or an argument that is not known, and is none without its marks")
  func unknown() throws {
    expectProblem(.unknownKerasHubModel) { try converted("llama") { $0["new_option"] = .bool(true) } }
    var other = try preset("llama")
    other["class_name"] = .string("BertBackbone")
    expectProblem(.unknownKerasHubModel) { try KerasHubConfiguration.huggingFace(other) }
    #expect(try KerasHubConfiguration.huggingFace(["model_type": .string("llama")]) == nil)
  }
}
