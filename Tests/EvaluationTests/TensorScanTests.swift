import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import TestSupport
import Testing

@Suite("a scan of a checkpoint's data")
struct TensorScanTests {
  let scratch = TemporaryDirectory()

  private func write(_ tensors: [StoredTensor], as name: String = "model.safetensors") throws -> any TensorReader {
    let path = scratch.path(name)
    let writer = try SafetensorsWriter(
      path,
      tensors: tensors.map { try TensorDescriptor(name: $0.name, elementType: $0.elementType, shape: $0.shape) })
    for due in writer.tensors { try writer.write(try #require(tensors.first { $0.name == due.name })) }
    _ = try writer.finish()
    return try FormatRegistry.open(path)
  }

  @Test("digests are those of the bytes, whatever the threads", arguments: [1, 3])
  func digests(_ threads: Int) throws {
    let reader = try FormatRegistry.open(Fixtures.model)
    let scan = try TensorScan(reader, .digests, threads: threads)
    #expect(scan.entries.map(\.tensor.name) == reader.tensors.map(\.name))
    for entry in scan.entries {
      #expect(entry.statistics == nil)
      #expect(try entry.sha256 == SHA256.hash(reader.tensor(named: entry.tensor.name).bytes))
    }
  }

  @Test("values that no weight should have are failures, with the tensor and how many")
  func failures() throws {
    let reader = try write([
      StoredTensor(encoding: [1, .nan, 3, .nan], as: .float32, shape: [4], name: "broken"),
      StoredTensor(encoding: [1, -.infinity], as: .float64, shape: [2], name: "endless"),
      StoredTensor(encoding: [1, 2], as: .bfloat16, shape: [2], name: "sound"),
    ])
    let scan = try TensorScan(reader, .statistics, threads: 2)
    #expect(
      Set(scan.failures) == [
        "broken: 2 of 4 values are not numbers", "endless: 1 of 2 values are infinite",
      ])
    #expect(scan.text.contains("broken") && scan.text.contains("2^0"))
    let json = try Inspection(scratch.path("model.safetensors")).json(scan: scan)
    let entries = try #require(json["tensors"]?.arrayValue).compactMap(\.objectValue)
    let broken = try #require(entries.first { $0["name"] == .string("broken") }?["stats"]?.objectValue)
    #expect(broken["nan"] == .integer(2) && broken["min"]?.doubleValue == 1 && broken["max"]?.doubleValue == 3)
  }

  @Test("a difference names tensors added, removed and changed, and compares values across types")
  func difference() throws {
    let first = try write(
      [
        StoredTensor(encoding: [1, 2, 3], as: .float32, shape: [3], name: "same"),
        StoredTensor(encoding: [1, 2, 3], as: .float32, shape: [3], name: "moved"),
        StoredTensor(encoding: [1, 1.00390625], as: .float32, shape: [2], name: "cast"),
        StoredTensor(encoding: [1, 2], as: .float32, shape: [2], name: "turned"),
        StoredTensor(encoding: [0], as: .float32, shape: [1], name: "gone"),
      ], as: "first.safetensors")
    let second = try write(
      [
        StoredTensor(encoding: [1, 2, 3], as: .float32, shape: [3], name: "same"),
        StoredTensor(encoding: [1, 2.5, 3], as: .float32, shape: [3], name: "moved"),
        StoredTensor(encoding: [1, 1.00390625], as: .bfloat16, shape: [2], name: "cast"),
        StoredTensor(encoding: [1, 2], as: .float32, shape: [1, 2], name: "turned"),
        StoredTensor(encoding: [0], as: .float32, shape: [1], name: "new"),
      ], as: "second.safetensors")
    let difference = try CheckpointDifference(first, second, threads: 2)
    #expect(difference.equal == 1 && !difference.isEmpty)
    #expect(difference.added.map(\.name) == ["new"] && difference.removed.map(\.name) == ["gone"])
    let changes = Dictionary(uniqueKeysWithValues: difference.changed.map { ($0.before.name, $0) })
    #expect(changes.keys.sorted() == ["cast", "moved", "turned"])
    #expect(changes["moved"]?.values?.differing == 1 && changes["moved"]?.values?.largest == 0.5)
    // Halfway between two bfloat16 numbers, of which the even one is 1.
    #expect(changes["cast"]?.values?.differing == 1 && changes["cast"]?.values?.largest == 0.00390625)
    #expect(changes["turned"]?.values == nil)
    #expect(try CheckpointDifference(first, first, threads: 1).isEmpty)
    #expect(difference.text.contains("F32 -> BF16") && difference.text.contains("[2] -> [1, 2]"))
  }

  @Test("a file beside the config of an unknown family shows its tensors, the directory says what is known")
  func unknownFamily() throws {
    _ = try write([StoredTensor(encoding: [1], as: .float32, shape: [1], name: "a")])
    scratch.write("config.json", #"{"model_type": "mamba"}"#)
    #expect(try Inspection(scratch.path("model.safetensors")).model == nil)
    let error = expectProblem(.unsupportedArchitecture) { try Inspection(scratch.path).tensors }
    #expect(error?.remedy?.contains("weights file") == true)
  }
}
