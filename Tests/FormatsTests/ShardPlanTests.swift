import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a plan of shards")
struct ShardPlanTests {
  private func tensors(_ sizes: [Int]) throws -> [TensorDescriptor] {
    try sizes.enumerated().map { position, size in
      try TensorDescriptor(name: "t\(position)", elementType: .uint8, shape: [size])
    }
  }

  @Test(
    "fills each file up to the limit, in the order of the tensors",
    arguments: [
      ([3, 3, 3], 9, [[0, 1, 2]]),
      ([3, 3, 3], 8, [[0, 1], [2]]),
      ([3, 3, 3], 3, [[0], [1], [2]]),
      ([3, 9, 3], 6, [[1], [0, 2]]),
      ([9], 6, [[0]]),
      ([0, 6, 0, 1], 6, [[0, 1, 2], [3]]),
      ([], 6, [[]]),
    ])
  func groups(_ sizes: [Int], _ limit: Int, _ expected: [[Int]]) throws {
    let plan = try ShardPlan(tensors(sizes), maximumBytes: limit)
    #expect(plan.shards.map { $0.tensors.map(\.name) } == expected.map { $0.map { "t\($0)" } })
    #expect(plan.totalSize == sizes.reduce(0, +))
    #expect((plan.index == nil) == (expected.count == 1))
  }

  @Test("names the files and writes the index as the tools of the field do")
  func names() throws {
    let plan = try ShardPlan(tensors([2, 1]).reversed(), maximumBytes: 2)
    #expect(plan.shards.map(\.name) == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    #expect(
      plan.index == """
        {
          "metadata": {
            "total_size": 3
          },
          "weight_map": {
            "t0": "model-00002-of-00002.safetensors",
            "t1": "model-00001-of-00002.safetensors"
          }
        }

        """)
    #expect(try ShardPlan(tensors([2, 1]), stem: "adapter").shards.map(\.name) == ["adapter.safetensors"])
  }

  @Test("is refused when two shards would hold the same name")
  func duplicate() throws {
    let directory = TemporaryDirectory()
    let same = try tensors([4]) + tensors([4])
    expectProblem(.invalidTensorPlan) {
      try ShardedWriter(directory: directory.path, tensors: same, maximumBytes: 4)
    }
    #expect(directory.entries() == [])
  }

  @Test("is not written unless every tensor is")
  func incomplete() throws {
    let directory = TemporaryDirectory()
    do {
      let writer = try ShardedWriter(directory: directory.path, tensors: tensors([4, 4]), maximumBytes: 4)
      try [1, 2, 3, 4].withUnsafeBytes(first: 4) { try writer.append($0, to: "t0") }
      expectProblem(.tensorOutOfOrder) { try [0].withUnsafeBytes(first: 1) { try writer.append($0, to: "t0") } }
      #expect(expectProblem(.tensorSizeWrong) { try writer.finish() }?.tensor == "t1")
    }
    #expect(directory.entries() == ["model-00001-of-00002.safetensors"], "only what was complete, and no index")
  }
}

extension Array where Element == UInt8 {
  /// The first bytes; exists so that a literal array is one of bytes.
  fileprivate func withUnsafeBytes(first count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try withUnsafeBufferPointer { try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[..<count])) }
  }
}
