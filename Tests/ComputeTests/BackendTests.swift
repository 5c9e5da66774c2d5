import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("backend")
struct BackendTests {
  @Test("every operation equals the reference", arguments: InstructionSet.available, MatrixProduct.allCases)
  func operationsEqualReference(_ instructionSet: InstructionSet, _ product: MatrixProduct) throws {
    let backend = try CPUBackend(threads: 2, instructionSet: instructionSet, matrixProduct: product)
    let mismatches = try checkBackend(backend)
    #expect(mismatches == [])
  }

  @Test("every operation equals the reference on other numbers of threads", arguments: [1, 3])
  func operationsEqualReferenceOnThreads(_ threads: Int) throws {
    let mismatches = try checkBackend(CPUBackend(threads: threads), seed: 2)
    #expect(mismatches == [])
  }

  @Test("a thousand tokens equal the reference")
  func longSequences() throws {
    let comparison = BackendComparison(try CPUBackend(threads: 2), against: ReferenceBackend(), seed: 3)
    comparison.compareAttention(
      AttentionShape(heads: 2, keyValueHeads: 1, headDimension: 16, scale: 0.25), [(1000, 24)])
    for chunk in [nil, 64] {
      comparison.compareLinearRecurrence(
        LinearRecurrenceShape(
          heads: 2, keyValueHeads: 1, keyDimension: 32, valueDimension: 32, scale: 0.2, chunkSize: chunk),
        [1000])
    }
    #expect(comparison.mismatches == [])
  }

  @Test("the checker finds a wrong operation")
  func checkerFindsFaults() throws {
    let comparison = BackendComparison(try CPUBackend(threads: 1), against: ReferenceBackend(), seed: 4)
    let x = comparison.random(3, 5)
    comparison.backend.silu(x.tested)
    comparison.compare("silu on one side", x, tolerance: 1e-6)
    comparison.compare("memory that nobody wrote", comparison.memory(1, 1), tolerance: 1e-6)
    #expect(comparison.mismatches.count == 2)
  }
}
