import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion of models whose layers have windows")
struct WindowedSourceTests {
  let scratch = TemporaryDirectory()
  let source: String

  /// Layer types full, window, window; scaled rotation, and a field that nobody knows.
  init() throws {
    let pico = try PicoModel(
      .qwen2, layers: 3,
      fields: JSONValue(
        """
        {"use_sliding_window": true, "sliding_window": 9, "max_window_layers": 1,
         "rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 24}
        """
      ).objectValue!)
    let folder = TemporaryDirectory()
    try pico.write(to: folder)
    source = folder.path
    keep = folder
  }

  private let keep: TemporaryDirectory

  private func convert(
    _ kept: ConversionRequest.Keep, mixer: String = GatedDeltaNetOptions.name, from path: String? = nil,
    preset: Preset = .best
  ) throws -> ModelDirectory {
    let out = scratch.path("\(scratch.entries().count)")
    _ = try Conversion(
      ConversionRequest(source: path ?? source, keep: kept, mixer: mixer, choice: MixerChoice(preset: preset))
    ).write(to: out)
    return try ModelDirectory(out)
  }

  private func windows(_ model: ModelDirectory) -> [Int?] {
    model.configuration.mixers.map { ($0 as? WindowedAttentionSpecification)?.window }
  }

  @Test("with all layers kept it is a copy that gives the same logits")
  func copy() throws {
    let copy = try convert(.all)
    #expect(windows(copy) == [nil, 9, 9])
    let before = try FileSystem.read(source + "/config.json", limit: 1 << 20)
    #expect(try FileSystem.read(copy.path + "/config.json", limit: 1 << 20) == before)
    let ids = (0..<40).map { $0 * 7 % 40 }
    let found = try Verification.run(
      source: ModelDirectory(source), converted: copy, backend: ReferenceBackend(), documents: [ids], probe: ids)
    #expect(found.isIdentical && found.failures(largestDivergence: nil) == [])
    #expect(found.keptLayers.map(\.layer) == [0, 1, 2] && found.keptLayers.allSatisfy(\.equal))
  }

  @Test("kept layers have their windows and every bit, converted ones are what any softmax layer becomes")
  func hybrid() throws {
    for preset in Preset.allCases {
      let hybrid = try convert(.layers([0, 2]), preset: preset)
      #expect(windows(hybrid) == [nil, nil, 9] && hybrid.configuration.keptLayers == [0, 2])
      #expect(hybrid.configuration.convertedLayers == [1])
      let types = hybrid.configuration.source["layer_types"]?.arrayValue?.compactMap(\.stringValue)
      #expect(types == ["full_attention", "linear_attention", "sliding_attention"])
      #expect(hybrid.configuration.rotary == (try ModelDirectory(source)).configuration.rotary)
      // The same layer without a window gives the same tensors.
      let plain = TemporaryDirectory()
      try PicoModel(.qwen2, layers: 3).write(to: plain)
      let other = try convert(.layers([0, 2]), from: plain.path, preset: preset)
      for tensor in hybrid.layout.layers[1].tensors {
        let found = try hybrid.reader.tensor(named: tensor.name)
        #expect(try found.hasSameContent(as: other.reader.tensor(named: tensor.name)))
      }
      let ids = (0..<40).map { $0 * 7 % 40 }
      let found = try Verification.run(
        source: ModelDirectory(source), converted: hybrid, backend: ReferenceBackend(), documents: [ids], probe: ids)
      #expect(found.keptLayers.map(\.layer) == [0, 2] && found.keptLayers.allSatisfy(\.equal))
      #expect(found.failures(largestDivergence: nil) == [])
    }
  }

  @Test("a hybrid is converted on, and its windows stay what the source had")
  func again() throws {
    let first = try convert(.layers([0, 2]))
    let second = try convert(.layers([2]), from: first.path)
    #expect(windows(second) == [nil, nil, 9] && second.configuration.keptLayers == [2])
    let windowed = try convert(.layers([0]), mixer: SlidingWindowAttentionOptions.name)
    #expect(windowed.configuration.keptLayers == [0] && windows(windowed) == [nil, nil, nil])
    let options = try #require(windowed.configuration.mixers[1] as? SlidingWindowAttentionOptions)
    #expect(options.window == 1024)
  }

  @Test("inspect says what a layer sees")
  func inspection() throws {
    let inspection = try Inspection(source)
    #expect(inspection.model?.layers.map(\.window) == [nil, 9, 9])
    #expect(inspection.model?.layers.map(\.mixer) == ["softmax-attention", "windowed-attention", "windowed-attention"])
    #expect(inspection.model?.layers[1].memory.mostTokens == 9 - 1 + Model.prefillBlock)
    #expect(inspection.text().contains("windowed-attention of 9"))
    let layers = inspection.json(contexts: []).members.first { $0.key == "layers" }?.value.arrayValue
    #expect(layers?.map { $0.objectValue?["window"] } == [.null, .integer(9), .integer(9)])
  }

  @Test("the card lists windows as the source's layers")
  func card() throws {
    let hybrid = try convert(.layers([0, 2]))
    let card = String(decoding: try FileSystem.read(hybrid.path + "/README.md", limit: 1 << 20), as: UTF8.self)
    #expect(card.contains("2 keep softmax attention (0, 2)") && card.contains("window 9"))
  }

  @Test("a field that was ignored is recorded, and the result loads without a word", arguments: [true, false])
  func ignoredField(_ keepsAll: Bool) throws {
    let plain = TemporaryDirectory()
    var pico = try PicoModel(.mistral)
    pico.config["tone"] = .string("warm")
    pico.config["limit"] = .number("Infinity")
    try pico.write(to: plain)
    expectProblem(.unknownField) { try ModelDirectory(plain.path) }
    let methods = ConversionMethods(catalog: Catalog(ignoredFields: ["limit", "tone", "other"]))
    let out = scratch.path("ignored")
    _ = try Conversion(
      ConversionRequest(source: plain.path, keep: keepsAll ? .all : .layers([0])), methods: methods
    ).write(to: out)
    let manifest = try #require(try Manifest.read(in: out))
    #expect(manifest["recipe", "ignored_fields"] == JSONValue(#"["tone", "limit"]"#))
    let found = try ModelDirectory(out).configuration
    #expect(found.ignoredFields == ["tone", "limit"])
    #expect(found.source["limit"] == .number("Infinity"))
    // The record covers these fields and no other.
    var config = JSONValue.object(found.source)
    config["other"] = .integer(1)
    scratch.write("ignored/config.json", config.bytes)
    expectProblem(.unknownField) { try ModelDirectory(out) }
  }
}
