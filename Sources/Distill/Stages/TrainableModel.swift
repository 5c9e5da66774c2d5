import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// A student with the parameters that a stage trains.
package struct TrainableModel {
  package let directory: ModelDirectory
  package let model: Model
  package let parameters: TrainedParameters
  private let groups: [String: ParameterGroup]

  /// Which parameters learn.
  package enum Scope: Sendable, Equatable {
    /// The mixers of some layers.
    case mixers(layers: [Int])
    case everything
  }

  /// - Throws: what loading a model throws.
  package init(_ directory: ModelDirectory, training scope: Scope, on backend: any Backend) throws(HybridizeError) {
    self.directory = directory
    groups = Self.groups(directory.layout)
    let trained: Set<String>
    switch scope {
    case .mixers(let layers): trained = Set(layers.flatMap { directory.layout.layers[$0].mixer.map(\.name) })
    case .everything: trained = Set(directory.layout.tensors.map(\.name))
    }
    parameters = TrainedParameters(trained.contains)
    model = try directory.load(on: backend, training: parameters)
  }

  package var trainableParameters: [TrainableParameter] {
    parameters.all.map { parameter in
      guard let group = groups[parameter.name] else { preconditionFailure("\(parameter.name) is not in the layout") }
      return TrainableParameter(
        name: parameter.name, group: group, values: parameter.values, gradient: parameter.gradient)
    }
  }

  /// The norm before a mixer learns as fast as the mixer, as in the paper's code.
  private static func groups(_ layout: ModelLayout) -> [String: ParameterGroup] {
    var groups: [String: ParameterGroup] = [:]
    func isMatrix(_ tensor: TensorRequirement) -> Bool { tensor.shape.rank == 2 && tensor.shape.dimensions[0] > 1 }
    for tensor in layout.tensors { groups[tensor.name] = isMatrix(tensor) ? .rest : .restVectors }
    for layer in layout.layers {
      for tensor in layer.mixer { groups[tensor.name] = isMatrix(tensor) ? .mixer : .mixerVectors }
      if let norm = layer.rest.first { groups[norm.name] = .mixerVectors }
    }
    return groups
  }
}
