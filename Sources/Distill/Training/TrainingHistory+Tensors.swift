import HybridizeCore

extension TrainingHistory {
  /// In their order.
  static let tensorNames = ["history.steps", "history.evaluations"]

  /// Steps and evaluations as two matrices of float64, a row each.
  var tensors: [StoredTensor] {
    let steps = steps.flatMap { [Double($0.tokens), $0.loss, $0.norm, $0.rate, $0.seconds] }
    let evaluations = evaluations.flatMap { [Double($0.step), $0.loss, $0.seconds] }
    return [
      StoredTensor(name: Self.tensorNames[0], steps, columns: 5),
      StoredTensor(name: Self.tensorNames[1], evaluations, columns: 3),
    ]
  }

  /// What `tensors` gave.
  ///
  /// - Throws: `.damagedTraining`.
  init(_ stored: [StoredTensor]) throws(HybridizeError) {
    self.init()
    for row in try stored[0].rows(columns: 5) {
      add(Step(tokens: try row[0].count(), loss: row[1], norm: row[2], rate: row[3], seconds: row[4]))
    }
    for row in try stored[1].rows(columns: 3) {
      add(Evaluation(step: try row[0].count(), loss: row[1], seconds: row[2]))
    }
  }
}

extension Double {
  /// A number of tokens or steps.
  fileprivate func count() throws(HybridizeError) -> Int {
    guard let value = Int(exactly: self), value >= 0 else {
      throw HybridizeError(.damagedTraining, expected: "a count", found: "\(self)")
    }
    return value
  }
}

extension StoredTensor {
  fileprivate init(name: String, _ values: [Double], columns: Int) {
    let owner = OwnedBytes(count: values.count * 8)
    for (index, value) in values.enumerated() {
      owner.bytes.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: index * 8, as: UInt64.self)
    }
    self.init(
      name: name, elementType: .float64, shape: [values.count / columns, columns],
      bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }

  fileprivate func rows(columns: Int) throws(HybridizeError) -> [[Double]] {
    let dimensions = shape.dimensions
    guard elementType == .float64, dimensions.count == 2, dimensions[1] == columns else {
      throw HybridizeError(
        .damagedTraining, tensor: name, expected: "F64 [n, \(columns)]", found: "\(elementType.rawValue) \(shape)")
    }
    return withExtendedLifetime(self) {
      (0..<dimensions[0]).map { row in
        (0..<columns).map { column in
          Double(
            bitPattern: UInt64(
              littleEndian: bytes.loadUnaligned(fromByteOffset: (row * columns + column) * 8, as: UInt64.self)))
        }
      }
    }
  }
}
