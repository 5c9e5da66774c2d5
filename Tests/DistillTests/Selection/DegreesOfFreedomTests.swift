import Foundation
import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

@Suite("degrees of freedom of a kernel")
struct DegreesOfFreedomTests {
  private let freedom = DegreesOfFreedom(regularisation: 0x1p-4)

  @Test("points that have nothing to do with each other", arguments: [1, 4, 64])
  func identity(_ count: Int) {
    let rows = (0..<count).map { row in (0...row).map { $0 == row ? 1.0 : 0 } }
    let found = freedom.trace(rows, shrinks: Array(repeating: 1, count: count))
    expectClose([found], [1 / (1 / Double(count) + 0x1p-4)], relative: 1e-12)
  }

  @Test("points that are all the same are one, however long they are", arguments: [0, 0.5, 3, 30])
  func rankOne(_ length: Double) throws {
    let points = Array(repeating: [length, 0, 0, 0], count: 100)
    let value = exp(length * length / 2)
    let found = try #require(freedom.softmaxKernel(points, scale: 0.5))
    expectClose([found], [value.isFinite ? value / (value + 0x1p-4) : 1], relative: 1e-9)
  }

  @Test("some points, with the inverse of the whole matrix")
  func inverse() throws {
    var random = SeededGenerator(seed: 2)
    let points = (0..<20).map { _ in (0..<3).map { _ in random.uniform(-1.5, 1.5) } }
    let gram = points.map { a in
      points.map { b in exp(zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } * 0.6) / Double(points.count) }
    }
    // Gauss and Jordan: S + lambda I beside S becomes I beside (S + lambda I)^-1 S.
    var rows = gram.enumerated().map { index, row in
      row.enumerated().map { $0.element + ($0.offset == index ? 0x1p-4 : 0) } + row
    }
    for pivot in rows.indices {
      rows[pivot] = rows[pivot].map { $0 / rows[pivot][pivot] }
      for other in rows.indices where other != pivot {
        let factor = rows[other][pivot]
        rows[other] = zip(rows[other], rows[pivot]).map { $0 - factor * $1 }
      }
    }
    let expected = rows.indices.reduce(0) { $0 + rows[$1][rows.count + $1] }
    expectClose([try #require(freedom.softmaxKernel(points, scale: 0.6))], [expected], relative: 1e-9)
  }

  @Test("points whose kernel overflows are counted all the same")
  func overflow() throws {
    let points = [[60.0, 0], [0, 60], [60, 0], [-60, 0], [0, 60]]
    expectClose([try #require(freedom.softmaxKernel(points, scale: 1))], [3], relative: 1e-9)
  }

  @Test("without their length, points count by what is between them")
  func withoutLength() {
    let far = [[100.0, 0], [0, 100], [-100, 0], [0, -100]]
    expectClose([freedom.gaussianKernel(far, scale: 1)], [1 / (0.25 + 0x1p-4)], relative: 1e-12)
    let near = Array(repeating: [100.0, 7], count: 50)
    expectClose([freedom.gaussianKernel(near, scale: 1)], [1 / (1 + 0x1p-4)], relative: 1e-9)
  }

  @Test("what is not a number has none", arguments: [Double.nan, .infinity])
  func notFinite(_ value: Double) {
    #expect(freedom.softmaxKernel([[1, 2], [value, 0]], scale: 1) == nil)
  }
}
