import HybridizeCompute
import HybridizeCore
import Testing

@Suite("matrix product")
struct MatrixProductTests {
  @Test("products of any shape", arguments: InstructionSet.available, MatrixProduct.allCases)
  func products(_ instructionSet: InstructionSet, _ choice: MatrixProduct) throws {
    let backend = try CPUBackend(threads: 1, instructionSet: instructionSet, matrixProduct: choice)
    var generator = SeededGenerator(seed: 13)
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (12, 32, 256), (13, 33, 257), (97, 40, 300), (200, 70, 20), (5, 4, 0)] {
      let a = (0..<m * k).map { _ in Float(generator.uniform(-1, 1)) }
      let b = (0..<k * n).map { _ in Float(generator.uniform(-1, 1)) }
      let before = (0..<m * n).map { _ in Float(generator.uniform(-1, 1)) }
      var bTransposed = b
      for row in 0..<k { for column in 0..<n { bTransposed[column * k + row] = b[row * n + column] } }
      var kept = before
      backend.product(
        rows: m, columns: n, depth: k, scale: 0.5, a, stride: max(k, 1), b, stride: n, keep: 2, into: &kept, stride: n)
      // Memory full of NaN: what is not kept must not be read.
      var fresh = [Float](repeating: .nan, count: m * n)
      backend.product.transposed(
        rows: m, columns: n, depth: k, a, stride: max(k, 1), bTransposed, stride: max(k, 1), into: &fresh, stride: n)
      let tolerance = 1e-6 + 1e-7 * Double(k)
      for row in 0..<m {
        for column in 0..<n {
          let sum = (0..<k).reduce(0) { $0 + Double(a[row * k + $1]) * Double(b[$1 * n + column]) }
          let index = row * n + column
          #expect(abs(Double(fresh[index]) - sum) < tolerance)
          #expect(abs(Double(kept[index]) - 0.5 * sum - 2 * Double(before[index])) < tolerance)
        }
      }
    }
  }

  @Test("pieces cover every output of every row of every weight once", arguments: [true, false])
  func piecesCover(_ isFew: Bool) throws {
    let backend = try CPUBackend(threads: 1)
    for rows in [0, 1, 9, 64, 65, 256, 257, 1000] {
      for outputs in [[0], [1], [127, 9], [128, 0, 129], [512, 3001, 96, 96]] {
        let weights = try outputs.map {
          let values = [Double](repeating: 0, count: $0 * 40)
          return try backend.prepare(StoredTensor(encoding: values, as: .float32, shape: [$0, 40]))
        }
        for threads in [1, 3] {
          let pieces = LinearPieces(rows: rows, weights, isFew: isFew, threads: threads)
          var seen = outputs.map { [Int](repeating: 0, count: rows * $0) }
          for item in 0..<pieces.count {
            pieces.forEach(of: item) { piece in
              #expect(piece.rows.count * piece.outputs.count <= pieces.largestPiece)
              for row in piece.rows {
                for output in piece.outputs { seen[piece.weight][row * outputs[piece.weight] + output] += 1 }
              }
            }
          }
          #expect(seen.allSatisfy { $0.allSatisfy { $0 == 1 } }, "\(rows) rows, outputs \(outputs)")
        }
      }
    }
  }

  @Test("pieces of a sum of products cover it once, and no thread has much more to do than another")
  func productPiecesCover() {
    for rows in [0, 1, 11, 12, 253, 576, 1000, 4099] {
      for columns in [0, 1, 33, 256, 1536] {
        for threads in [1, 2, 3, 8] {
          let pieces = ProductPieces(rows: rows, columns: columns, mostRows: 192, threads: threads)
          var seen = [Int](repeating: 0, count: rows * columns)
          var largest = 0
          for item in 0..<pieces.count {
            let piece = pieces[item]
            #expect(piece.rows.count <= min(192, pieces.rowsABlock) && piece.columns.lowerBound % 32 == 0)
            largest = max(largest, piece.rows.count * piece.columns.count)
            for row in piece.rows { for column in piece.columns { seen[row * columns + column] += 1 } }
          }
          #expect(seen.allSatisfy { $0 == 1 }, "[\(rows), \(columns)] on \(threads)")
          if rows >= 576 && columns >= 256 {
            let turns = (pieces.count + threads - 1) / threads
            #expect(turns * threads * largest <= rows * columns * 5 / 4, "[\(rows), \(columns)] on \(threads)")
          }
        }
      }
    }
  }

  @Test("few rows: threads get the same number of outputs, whatever weights they come from", arguments: [1, 2, 3, 4])
  func piecesAreEven(_ threads: Int) throws {
    let backend = try CPUBackend(threads: 1)
    for outputs in [[576, 192, 192], [1536], [96, 3001]] {
      let weights = try outputs.map {
        let values = [Double](repeating: 0, count: $0 * 40)
        return try backend.prepare(StoredTensor(encoding: values, as: .float32, shape: [$0, 40]))
      }
      let pieces = LinearPieces(rows: 1, weights, isFew: true, threads: threads)
      // A pool deals out items one after the other.
      #expect(pieces.count % threads == 0)
      let shares = (0..<threads).map { thread in
        var share = 0
        for item in thread * pieces.count / threads..<(thread + 1) * pieces.count / threads {
          pieces.forEach(of: item) { share += $0.outputs.count }
        }
        return share
      }
      #expect(shares.max()! - shares.min()! <= 8, "\(outputs): \(shares)")
    }
  }

  @Test("the backend says who multiplies, or why OpenBLAS does not")
  func names() throws {
    #expect(try CPUBackend(threads: 1, matrixProduct: .own).matrixProductName == "own")
    #expect(try CPUBackend(threads: 1, matrixProduct: .own).matrixProductShortfall == nil)
    let backend = try CPUBackend(threads: 1)
    if backend.matrixProductName == "own" {
      #expect(backend.matrixProductShortfall?.isEmpty == false)
    } else {
      #expect(backend.matrixProductName.utf8.starts(with: "OpenBLAS ".utf8))
      #expect(backend.matrixProductShortfall == nil)
    }
  }
}
