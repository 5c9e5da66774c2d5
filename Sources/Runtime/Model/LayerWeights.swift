import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// The weights below one prefix of a checkpoint, prepared for a backend.
///
/// Names and shapes have been checked against `ModelLayout` before; what remains to fail is the file itself and
/// an element type that the backend does not compute with.
public struct LayerWeights {
  private let reader: any TensorReader
  private let backend: any Backend
  private let prefix: String
  private let prepared: PreparedWeights

  init(reader: any TensorReader, backend: any Backend, prefix: String, prepared: PreparedWeights) {
    self.reader = reader
    self.backend = backend
    self.prefix = prefix
    self.prepared = prepared
  }

  /// - Throws: `.missingTensor`, `.unsupportedElementType`.
  package func weight(_ name: String) throws(HybridizeError) -> Weight {
    let full = prefix + name
    do throws(HybridizeError) {
      let weight = try backend.prepare(reader.tensor(named: full))
      prepared.all.append(weight)
      return weight
    } catch {
      throw error.inTensor(full).inFile(reader.file(of: full) ?? reader.path)
    }
  }

  package func projection(_ name: String, bias: Bool) throws(HybridizeError) -> Projection {
    Projection(weight: try weight(name + ".weight"), bias: bias ? try weight(name + ".bias") : nil)
  }
}

/// The weights that have been prepared for a model, in the order in which it asked for them.
final class PreparedWeights {
  var all: [Weight] = []
}
