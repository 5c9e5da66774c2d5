import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import TestSupport

/// A linear layer that learns what another one gives, with the operations of the backend alone.
final class LinearToy: TrainingObjective {
  let backend: any Backend
  let parameters: [TrainableParameter]
  private let inputs: Weight
  private let teacher: (weight: Weight, bias: Weight)
  private let student: (weight: Weight, bias: Weight)
  private static let (inputs, outputs) = (3, 4)

  init(on backend: any Backend) throws(HybridizeError) {
    self.backend = backend
    func random(_ name: String, rows: Int, columns: Int) throws(HybridizeError) -> Weight {
      try backend.prepare(
        StoredTensor(
          encoding: Self.values(name, rows * columns), as: backend.activationType, shape: [rows, columns], name: name))
    }
    func parameter(_ name: String, _ group: ParameterGroup, rows: Int) -> TrainableParameter {
      let columns = rows == 1 ? Self.outputs : Self.inputs
      let (values, gradient) = (
        backend.makeTensor(rows: rows, columns: columns), backend.makeTensor(rows: rows, columns: columns)
      )
      backend.fill(values, with: 0)
      return TrainableParameter(name: name, group: group, values: values, gradient: gradient)
    }
    parameters = [
      parameter("weight", .mixer, rows: Self.outputs), parameter("bias", .mixerVectors, rows: 1),
    ]
    student = (backend.weight(sharing: parameters[0].values), backend.weight(sharing: parameters[1].values))
    teacher = (
      try random("weight", rows: Self.outputs, columns: Self.inputs), try random("bias", rows: 1, columns: Self.outputs)
    )
    inputs = try random("inputs", rows: 8, columns: Self.inputs)
  }

  /// The teacher's, in its order.
  static func values(_ name: String, _ count: Int) -> [Double] {
    var generator = SeededGenerator(seed: 3, stream: name)
    // Values that float32 has.
    return (0..<count).map { _ in Double(Float(generator.uniform(-1, 1))) }
  }

  func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum {
    let (x, change, losses) = compare(batch, scale: scale)
    backend.linearWeightGradient(x, change, addingTo: parameters[0].gradient)
    backend.biasGradient(change, addingTo: parameters[1].gradient)
    return losses
  }

  func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum { compare(batch, scale: 1).losses }

  private func compare(_ batch: TokenBatch, scale: Double) -> (x: Tensor, change: Tensor, losses: LossSum) {
    let ids = batch.sequences.flatMap(\.ids)
    func output(_ x: Tensor, _ layer: (weight: Weight, bias: Weight)) -> Tensor {
      let out = backend.makeTensor(rows: ids.count, columns: Self.outputs)
      backend.linear(x, layer.weight, into: out)
      backend.addBias(layer.bias, to: out)
      return out
    }
    let x = backend.makeTensor(rows: ids.count, columns: Self.inputs)
    backend.embed(ids, inputs, into: x)
    let change = output(x, student)
    let losses = backend.makeTensor(rows: ids.count, columns: 1)
    backend.distanceGradient(
      teacher: output(x, teacher), inPlace: change, squared: true, scale: scale, into: losses)
    return (x, change, LossSum(sum: backend.read(losses).reduce(0, +), count: ids.count))
  }
}
