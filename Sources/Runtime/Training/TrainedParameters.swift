import HybridizeCompute
import HybridizeCore

/// The parameters of a model that training changes: their values, in the memory of which the model's weights lie, and
/// room for their gradients.
public final class TrainedParameters {
  public struct Parameter: Sendable {
    /// In the checkpoint.
    public let name: String
    /// In the checkpoint.
    public let shape: Shape
    public let values: Tensor
    /// Of the same shape as the values.
    public let gradient: Tensor
    let weight: Weight
  }

  /// In the order in which they were loaded.
  public private(set) var all: [Parameter] = []
  private let isTrained: (String) -> Bool
  private var gradients: [ObjectIdentifier: Tensor] = [:]

  /// - Parameter isTrained: of the name of a tensor in the checkpoint.
  public init(_ isTrained: @escaping (String) -> Bool) { self.isTrained = isTrained }

  /// Where the gradient of a weight is added up; `nil` if it is not trained.
  package subscript(weight: Weight) -> Tensor? { gradients[ObjectIdentifier(weight)] }

  /// A weight with values of its own, in the activation type, if it is to be trained.
  ///
  /// - Throws: `.unsupportedElementType`, `.wrongShape`.
  func weight(_ stored: StoredTensor, _ name: String, on backend: any Backend) throws(HybridizeError) -> Weight? {
    guard isTrained(name) else { return nil }
    let source = try backend.prepare(stored)
    let values = backend.makeTensor(rows: source.rows, columns: source.columns)
    backend.embed(Array(0..<source.rows), source, into: values)
    let gradient = backend.makeTensor(rows: source.rows, columns: source.columns)
    backend.fill(gradient, with: 0)
    let weight = backend.weight(sharing: values)
    all.append(Parameter(name: name, shape: stored.shape, values: values, gradient: gradient, weight: weight))
    gradients[ObjectIdentifier(weight)] = gradient
    return weight
  }
}
