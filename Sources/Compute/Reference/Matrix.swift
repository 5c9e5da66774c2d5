/// A small row-major matrix of its own.
struct Matrix {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: 0, count: rows * columns)
  }

  /// A copy of some columns of a tensor.
  init(_ tensor: Tensor, columns range: Range<Int>) {
    self.init(rows: tensor.rows, columns: range.count)
    for row in 0..<rows {
      for column in 0..<columns { self[row, column] = tensor.doubles(row: row)[range.lowerBound + column] }
    }
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  func write(to tensor: Tensor, firstColumn: Int) {
    for row in 0..<rows {
      for column in 0..<columns { tensor.doubles(row: row)[firstColumn + column] = self[row, column] }
    }
  }
}
