import CKernels
import HybridizeCompute
import HybridizeCore
import Testing

@Suite("what the machine can do at most")
struct LimitsTests {
  @Test("reading takes in every value once", arguments: InstructionSet.available)
  func read(_ instructionSet: InstructionSet) throws {
    let kernels = try CPUBackend(threads: 1, instructionSet: instructionSet).kernels
    for count in [0, 1, 3, 31, 32, 33, 127, 128, 129, 1000] {
      // Powers of two at single places: a value that is left out or read twice changes the sum.
      for place in 0..<count {
        var values = [Float](repeating: 1, count: count)
        values[place] = 4096
        #expect(kernels.read(values, count) == Float(count - 1 + 4096))
      }
    }
  }

  @Test("is measured on any number of threads", arguments: [1, 3])
  func limits(_ threads: Int) throws {
    let limits = try #require(try CPUBackend(threads: threads).measureLimits())
    #expect(limits.memoryBandwidth.isFinite && limits.memoryBandwidth > 1e6)
    #expect(limits.matrixProduct.isFinite && limits.matrixProduct > 1e6)
  }

  @Test("weights are read in whatever type they are, none have no speed")
  func weights() throws {
    let backend = try CPUBackend(threads: 2)
    let tensor = StoredTensor(name: "w", [Float](repeating: 1, count: 300_000), shape: [300, 1000])
    let speed = try #require(backend.readBandwidth(of: [try backend.prepare(tensor)]))
    #expect(speed.isFinite && speed > 1e6)
    #expect(backend.readBandwidth(of: []) == nil)
  }

  @Test("the reference does not measure itself")
  func reference() {
    #expect(ReferenceBackend().measureLimits() == nil && ReferenceBackend().pinThreads() == nil)
  }
}
