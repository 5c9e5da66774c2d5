extension Backend {
  /// Some rows of a tensor, one after the other.
  ///
  /// - Precondition: `out` has as many rows, and as many columns as `x`.
  package func copyRows(_ rows: [Int], of x: Tensor, to out: Tensor) {
    precondition(out.rows == rows.count, "\(rows.count) rows for a tensor of \(out.rows)")
    for (place, row) in rows.enumerated() { copy(x.rows(row..<row + 1), to: out.rows(place..<place + 1)) }
  }

  /// Adds rows to some rows of a tensor.
  ///
  /// - Precondition: `x` has as many rows, and as many columns as `out`.
  package func addRows(_ x: Tensor, to out: Tensor, at rows: [Int]) {
    precondition(x.rows == rows.count, "\(rows.count) places for \(x.rows) rows")
    for (place, row) in rows.enumerated() { add(x.rows(place..<place + 1), to: out.rows(row..<row + 1)) }
  }
}
