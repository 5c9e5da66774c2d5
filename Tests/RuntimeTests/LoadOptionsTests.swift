import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("load options")
struct LoadOptionsTests {
  private let ids = Array(5..<60)

  private func logits(_ options: LoadOptions, on backend: any Backend) throws -> (model: Model, logits: [Double]) {
    let model = try ModelDirectory(Fixtures.hybrid).load(on: backend, options)
    let state = model.makeState(capacity: ids.count)
    return (model, try model.lastLogits(ids, state: state).map { Double($0) })
  }

  @Test(
    "a quantised model computes what the reference computes with the same weights", arguments: QuantizedType.allCases)
  func quantizedModel(_ type: QuantizedType) throws {
    let options = LoadOptions(quantized: type)
    let found = try logits(options, on: CPUBackend(threads: 2))
    let expected = try logits(options, on: ReferenceBackend())
    // A scale on the edge between two float16 values may fall to either side: single weights differ by a step.
    expectClose(found.logits, expected.logits, absolute: 5e-3, type.rawValue)
    let report = try #require(found.model.quantization)
    #expect(report.type == type)
    #expect(abs(report.error.relative - expected.model.quantization!.error.relative) < 1e-6)
    #expect(report.tensors.count > 50 && report.tensors.allSatisfy { $0.error.relative > 0 })
    #expect(
      report.left.allSatisfy { $0.hasSuffix("a_proj.weight") || $0.hasSuffix("b_proj.weight") || $0.contains("conv1d") }
    )
    let plain = try ModelDirectory(Fixtures.hybrid).load(on: ReferenceBackend())
    #expect(plain.quantization == nil)
    // Eight bits lose about 0.5 %, four about 10 %.
    let range = type == .eightBit ? 0.003...0.008 : 0.05...0.12
    #expect(range.contains(report.error.relative), "\(report.error.relative)")
  }

  @Test("eight bits read 8.5 bits a weight, and stay close to the original")
  func eightBits() throws {
    let backend = try CPUBackend(threads: 2)
    let original = try logits(LoadOptions(), on: backend)
    let quantized = try logits(LoadOptions(quantized: .eightBit), on: backend)
    let share = Double(quantized.model.weightBytes) / Double(original.model.weightBytes)
    #expect(abs(share - 8.5 / 16) < 0.02, "\(share)")
    let difference = zip(original.logits, quantized.logits).map { $0 - $1 }.largestMagnitude
    #expect(difference > 0 && difference < 0.3, "\(difference)")
  }

  @Test("a bfloat16 cache takes half the memory and moves the logits a little")
  func bfloat16Cache() throws {
    let backend = try CPUBackend(threads: 2)
    let model = try ModelDirectory(Fixtures.model).load(on: backend, LoadOptions(cacheType: .bfloat16))
    let state = model.makeState(capacity: ids.count)
    let logits = try model.lastLogits(ids, state: state).map { Double($0) }
    let full = model.makeState(capacity: ids.count, cacheType: .full)
    let expected = try model.lastLogits(ids, state: full).map { Double($0) }
    #expect(2 * state.byteCount == full.byteCount)
    #expect(state.fork().cacheType == .bfloat16)
    let difference = zip(logits, expected).map { $0 - $1 }.largestMagnitude
    #expect(difference > 0 && difference < 0.1, "\(difference)")
  }
}
