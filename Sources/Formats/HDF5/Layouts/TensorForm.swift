import HybridizeCore

/// How Keras' form of a weight relates to Hugging Face's.
package enum TensorForm: Sendable, Equatable {
  /// The same numbers in the same order; dimensions may be split or merged.
  case same
  /// The other way round: Keras has inputs first. The leading `inputs` dimensions of Keras' shape are the inputs.
  case transposed(inputs: Int)
  /// Several weights side by side, each with its leading `inputs` dimensions as rows.
  case joined(inputs: Int)
}

/// A tensor as a checkpoint hands it out, and the datasets that it is made of.
struct HDF5Tensor: Sendable {
  let descriptor: TensorDescriptor
  /// Position of the file among those of the reader.
  var file: Int
  let parts: [HDF5Dataset]
  let form: TensorForm

  /// - Parameters:
  ///   - shape: what to call the shape where it is not that of the form's rows and columns.
  /// - Throws: `.hdf5WrongShape`, `.sizeOverflow`.
  init(
    name: String, file: Int, parts: [HDF5Dataset], form: TensorForm = .same, shape: Shape? = nil
  ) throws(HybridizeError) {
    guard let first = parts.first else { preconditionFailure("a tensor without a dataset") }
    for part in parts where part.elementType != first.elementType {
      throw HybridizeError(
        .hdf5WrongShape, tensor: name, expected: "parts of one type \(first.elementType.rawValue)",
        found: part.elementType.rawValue)
    }
    self.file = file
    self.parts = parts
    // One part alone has its numbers in order already.
    self.form = if case .joined = form, parts.count == 1 { .same } else { form }
    let own: Shape
    switch form {
    case .same: own = shape ?? first.shape
    case .transposed(let inputs):
      let matrix = try Self.matrix(first, inputs: inputs, name)
      own = [matrix.columns, matrix.rows]
    case .joined(let inputs):
      var columns = 0
      let rows = try Self.matrix(first, inputs: inputs, name).rows
      for part in parts {
        let matrix = try Self.matrix(part, inputs: inputs, name)
        guard matrix.rows == rows else {
          throw HybridizeError(
            .hdf5WrongShape, tensor: name, expected: "parts of \(rows) rows", found: "\(matrix.rows) rows")
        }
        columns = try CheckedMath.add(columns, matrix.columns)
      }
      own = inputs == 0 ? [columns] : [rows, columns]
    }
    descriptor = try TensorDescriptor(name: name, elementType: first.elementType, shape: own)
  }

  /// Rows and columns of a dataset whose leading dimensions are the rows.
  static func matrix(
    _ dataset: HDF5Dataset, inputs: Int, _ name: String
  ) throws(HybridizeError) -> (rows: Int, columns: Int) {
    let dimensions = dataset.shape.dimensions
    guard dimensions.count > inputs else {
      throw HybridizeError(
        .hdf5WrongShape, tensor: name, expected: "more than \(inputs) dimensions", found: "\(dataset.shape)")
    }
    return (
      try Shape(Array(dimensions[..<inputs])).elementCount(), try Shape(Array(dimensions[inputs...])).elementCount()
    )
  }
}

extension Problem {
  public static let hdf5WrongShape = Problem(
    "hdf5WrongShape", .inputFile, "a weight does not have the shape that its layout gives it")
}
