import HybridizeCore
import TestSupport
import Testing

@Suite("shapes")
struct ShapeTests {
  @Test(
    "count elements",
    arguments: [
      ([], 1), ([5], 5), ([2, 3, 4], 24), ([2, 0, 4], 0), ([1 << 62, 1 << 62, 0], 0), ([0, 1 << 62, 1 << 62], 0),
    ])
  func count(_ dimensions: [Int], _ expected: Int) throws {
    #expect(try Shape(dimensions).elementCount() == expected)
  }

  @Test("refuse a count that does not fit", arguments: [[1 << 62, 2], [1 << 32, 1 << 31], [2, .max]])
  func overflow(_ dimensions: [Int]) {
    expectProblem(.sizeOverflow) { try Shape(dimensions).elementCount() }
  }

  @Test("read as a list")
  func description() {
    #expect("\(Shape([2, 3]))" == "[2, 3]")
    #expect("\(Shape([]))" == "[]")
    #expect(Shape([2, 3]) == [2, 3] && Shape([2, 3]) != [3, 2])
    #expect(Shape([4, 5, 6]).rank == 3)
  }

  @Test("with a negative dimension are a mistake of the program")
  func negative() async {
    await #expect(processExitsWith: .failure) { _ = Shape([2, -1]) }
  }

  @Test("checked sums and products give the result or say that it does not fit")
  func checked() throws {
    #expect(try CheckedMath.multiply(6, 7) == 42)
    #expect(try CheckedMath.add(.max - 1, 1) == .max)
    expectProblem(.sizeOverflow) { try CheckedMath.multiply(.max, 2) }
    #expect(expectProblem(.sizeOverflow) { try CheckedMath.add(.max, 1) }?.found == "\(Int.max) + 1")
  }
}
