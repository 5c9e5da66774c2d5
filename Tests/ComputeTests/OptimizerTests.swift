import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("steps of an optimiser")
struct OptimizerTests {
  private static let gradients: [[Double]] = [[0.5, -1, 0.25, 0], [-0.75, 2, 1e-3, 4], [0.125, 0.5, -3, -1]]

  /// torch.optim.AdamW in float64: lr 0.01, betas (0.9, 0.95), eps 1e-8, weight decay 0.1, gradients halved.
  private static let parameters: [[Double]] = [
    [0.9890000004, -1.9880000002, 2.9870000007999997, 0.4995],
    [0.9904761311114678, -1.9896457396589593, 2.9771964193928504, 0.4916509000282795],
    [0.990511745374247, -1.9918287977004525, 2.980010787687648, 0.4871333825968855],
  ]
  private static let mean = [-0.007250000000000001, 0.07449999999999998, -0.13982999999999998, 0.12999999999999998]
  private static let variance = [0.009695312500000008, 0.06190625000000005, 0.1132050900000001, 0.20250000000000018]

  @Test("three steps of AdamW are those of PyTorch")
  func adam() throws {
    let cases: [(any Backend, Double)] =
      [(ReferenceBackend(), 1e-14)]
      + (try InstructionSet.available.map { (try CPUBackend(threads: 1, instructionSet: $0), 3e-7) })
    for (backend, tolerance) in cases {
      let parameters = backend.tensor([1, -2, 3, 0.5], columns: 4)
      let (mean, variance) = (backend.tensor([0, 0, 0, 0], columns: 4), backend.tensor([0, 0, 0, 0], columns: 4))
      var (power1, power2) = (1.0, 1.0)
      for (gradient, expected) in zip(Self.gradients, Self.parameters) {
        (power1, power2) = (power1 * 0.9, power2 * 0.95)
        let step = AdamStep(
          rate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, correction1: 1 - power1,
          correction2: 1 - power2, gradientScale: 0.5)
        backend.adamStep(
          step, parameters: parameters, gradient: backend.tensor(gradient, columns: 4), mean: mean, variance: variance)
        for (found, expected) in zip(backend.read(parameters), expected) {
          expectClose([found], [expected], relative: tolerance, backend.details)
        }
      }
      expectClose(backend.read(mean), Self.mean, relative: tolerance, backend.details)
      expectClose(backend.read(variance), Self.variance, relative: tolerance, backend.details)
    }
  }

  @Test("squares add up in double precision, and what is no number shows")
  func sumOfSquares() throws {
    for backend in [ReferenceBackend(), try CPUBackend(threads: 2)] as [any Backend] {
      // In single precision the sum would stop at 2^24.
      let x = backend.makeTensor(rows: 1, columns: (1 << 24) + 5)
      backend.fill(x, with: 1)
      #expect(backend.sumOfSquares(x) == Double((1 << 24) + 5))
      #expect(backend.sumOfSquares(backend.tensor([1e30, 0, 1e30], columns: 3)).isFinite)
      #expect(backend.sumOfSquares(backend.tensor([1, .nan, 1], columns: 3)).isNaN)
      #expect(backend.sumOfSquares(backend.tensor([1, -.infinity, 1], columns: 3)) == .infinity)
      #expect(backend.sumOfSquares(backend.makeTensor(rows: 0, columns: 3)) == 0)
    }
  }
}
