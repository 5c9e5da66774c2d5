import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("conversion into another element type")
struct RoundingTests {
  let scratch = TemporaryDirectory()

  private func convert(_ request: ConversionRequest, as name: String) throws -> (ModelDirectory, Conversion.Outcome) {
    let outcome = try Conversion(request).write(to: scratch.path(name), threads: 2)
    return (try ModelDirectory(scratch.path(name)), outcome)
  }

  @Test("weights are rounded, decay parameters and the logits' meaning stay", arguments: ElementCast.targets)
  func types(_ type: ElementType) throws {
    let (hybrid, outcome) = try convert(
      ConversionRequest(source: Fixtures.model, keep: .layers([0]), elementType: type), as: "hybrid")
    for tensor in hybrid.reader.tensors {
      let isDecay = tensor.name.hasSuffix("A_log") || tensor.name.hasSuffix("dt_bias")
      #expect(tensor.elementType == (isDecay ? .float32 : type), "\(tensor.name)")
    }
    #expect(outcome.losses.allSatisfy { $0.overflows == 0 })
    let names = [ElementType.float32: "float32", .bfloat16: "bfloat16", .float16: "float16"]
    #expect(hybrid.configuration.source["torch_dtype"] == names[type].map { .string($0) })
    // The same again from the result: decay parameters are recognised in a converted source as well.
    let (again, _) = try convert(
      ConversionRequest(source: scratch.path("hybrid"), keep: .all, elementType: .bfloat16), as: "again")
    #expect(again.reader.descriptor(named: "model.layers.1.linear_attn.A_log")?.elementType == .float32)
    let gate = "model.layers.1.linear_attn.g_proj.weight"
    #expect(again.reader.descriptor(named: gate)?.elementType == .bfloat16)
  }

  @Test("widened and rounded back, every tensor has its old bytes")
  func roundTrip() throws {
    _ = try convert(ConversionRequest(source: Fixtures.model, keep: .all, elementType: .float32), as: "wide")
    let (back, _) = try convert(
      ConversionRequest(source: scratch.path("wide"), keep: .all, elementType: .bfloat16, shardBytes: 2_000_000),
      as: "back")
    let source = try ModelDirectory(Fixtures.model)
    #expect(back.reader.files.count > 3)
    for tensor in source.reader.tensors {
      #expect(
        try source.reader.tensor(named: tensor.name).hasSameContent(as: back.reader.tensor(named: tensor.name)),
        "\(tensor.name)")
    }
  }

  @Test("what does not fit is counted and named by its tensor")
  func losses() throws {
    var pico = try PicoModel()
    let name = "model.layers.0.mlp.up_proj.weight"
    let table = pico[name]
    var values = (0..<table.bytes.count / 4).map {
      Double(table.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
    }
    values[0] = 1e6
    values[1] = -7e4
    values[2] = 1e-12
    pico.set(name, values, as: .float32, shape: table.shape)
    let source = TemporaryDirectory()
    try pico.write(to: source)
    let (_, outcome) = try convert(
      ConversionRequest(source: source.path, keep: .all, elementType: .float16), as: "half")
    let loss = try #require(outcome.losses.first { $0.tensor == name })
    #expect(loss.overflows == 2 && loss.underflows >= 1)
  }

  @Test("the number of threads does not show in the bytes", arguments: [1, 3])
  func threads(_ threads: Int) throws {
    let request = ConversionRequest(source: Fixtures.model, keep: .layers([0, 6]), elementType: .float16)
    _ = try Conversion(request).write(to: scratch.path("one"), threads: 1)
    _ = try Conversion(request).write(to: scratch.path("other"), threads: threads)
    for name in scratch.entries("one") {
      #expect(scratch.bytes("one/\(name)") == scratch.bytes("other/\(name)"), "\(name)")
    }
  }
}
