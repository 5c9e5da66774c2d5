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
  private let tally: LoadTally

  init(reader: any TensorReader, backend: any Backend, tally: LoadTally, prefix: String = "") {
    self.reader = reader
    self.backend = backend
    self.prefix = prefix
    self.tally = tally
  }

  /// The weights below a longer prefix.
  func below(_ prefix: String) -> LayerWeights {
    LayerWeights(reader: reader, backend: backend, tally: tally, prefix: self.prefix + prefix)
  }

  /// - Throws: `.missingTensor`, `.unsupportedElementType`.
  package func weight(_ name: String) throws(HybridizeError) -> Weight {
    let full = prefix + name
    do throws(HybridizeError) {
      let stored = try reader.tensor(named: full)
      let trained = try tally.parameters.flatMap { (parameters) throws(HybridizeError) in
        try parameters.weight(stored, full, on: backend)
      }
      let weight: Weight
      if let trained { weight = trained } else { weight = quantized(try backend.prepare(stored), full) }
      tally.weights.append(weight)
      return weight
    } catch {
      throw error.inTensor(full).inFile(reader.file(of: full) ?? reader.path)
    }
  }

  /// Few rows, as the gates of a mixer have, are a small part of what is read and a large part of what is lost.
  private func quantized(_ weight: Weight, _ name: String) -> Weight {
    guard let type = tally.quantization?.type, weight.rows > 1 else { return weight }
    guard weight.rows >= QuantizedType.blockSize, let result = backend.quantize(weight, as: type) else {
      tally.quantization?.left.append(name)
      return weight
    }
    tally.quantization?.error.add(result.error)
    tally.quantization?.tensors.append((name, result.error))
    return result.weight
  }

  package func projection(_ name: String, bias: Bool) throws(HybridizeError) -> Projection {
    Projection(weight: try weight(name + ".weight"), bias: bias ? try weight(name + ".bias") : nil)
  }
}
