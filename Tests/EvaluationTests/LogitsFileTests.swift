import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

@Suite("logits as a file")
struct LogitsFileTests {
  let scratch = TemporaryDirectory()
  let model: Model

  init() throws { model = try ModelDirectory(Fixtures.model).load(on: try BackendRegistry.make("cpu", threads: 2)) }

  @Test("holds the ids and the logits that other implementations have")
  func values() throws {
    let golden = try Golden("fixture-logits")
    let ids = golden["1.ids"].values.map { Int($0) }
    let shape = try LogitsFile.write(model, ids, to: scratch.path("logits.safetensors"))
    #expect(shape == [58, 4096])
    let reader = try SafetensorsReader(scratch.path("logits.safetensors"))
    // Scripts take the first tensor for the logits.
    #expect(reader.tensors.map(\.name) == ["logits", "ids"])
    let written = try reader.tensor(named: "ids")
    #expect(written.elementType == .int32)
    #expect((0..<58).map { Int(written.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) } == ids)
    let logits = try reader.tensor(named: "logits")
    #expect(logits.elementType == .float32 && logits.shape == shape)
    let found = (0..<58 * 4096).map { Double(logits.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
    expectClose(found, golden["1.logits"].values, absolute: 2e-4)
  }

  @Test("holds every token of a prompt of several blocks, in order")
  func blocks() throws {
    let ids = (0..<Model.prefillBlock + 3).map { $0 * 7 % 4096 }
    _ = try LogitsFile.write(model, ids, to: scratch.path("logits"))
    let logits = try SafetensorsReader(scratch.path("logits")).tensor(named: "logits")
    var expected: [Double] = []
    try model.forward(ids, state: model.makeState(capacity: ids.count), rows: .all) {
      expected += model.backend.read($0)
    }
    let found = (0..<expected.count).map {
      Double(logits.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
    }
    #expect(found == expected)
  }

  @Test("appears whole or not at all")
  func failures() throws {
    let path = scratch.path("logits")
    expectProblem(.emptyPrompt) { try LogitsFile.write(model, [], to: path) }
    expectProblem(.promptTooLong) { try LogitsFile.write(model, Array(repeating: 1, count: 2049), to: path) }
    for id in [4096, -1] { expectProblem(.tokenOutOfRange) { try LogitsFile.write(model, [1, id], to: path) } }
    #expect(scratch.entries() == [])
    scratch.write("logits", "mine")
    expectProblem(.outputExists) { try LogitsFile.write(model, [1], to: path) }
    #expect(scratch.bytes("logits") == Array("mine".utf8))
  }
}
