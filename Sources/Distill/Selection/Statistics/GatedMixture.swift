import HybridizeCompute
import HybridizeCore
import HybridizeRuntime

/// The teacher with a gate in every layer: `a full + (1 - a) linear` of its attention and the student's linear mixer, both
/// on the mixed residual stream, so that what one layer gets wrong reaches the ones behind it (FlashMorph, arXiv
/// 2606.30562). Both mixers are frozen; the gates alone have gradients.
///
/// The error of a layer is the square of what the residual stream behind it differs by from that of the teacher reading alone,
/// over the square of the latter, both summed over the rows that are judged; that of all is the mean over layers. Residual
/// streams grow with depth, so that without this division the last layers alone would count.
package final class GatedMixture {
  private let teacher: Model
  private let student: Model
  /// With a gate, ascending.
  private let layers: [Int]
  private let backend: any Backend
  private let memory: PassMemory
  private let frozen = TrainedParameters { _ in false }
  /// Vectors of one value, by which tensors are scaled: the gate of the layer at hand, one minus it, and -1.
  private let open: Vector
  private let shut: Vector
  private let negative: Vector
  private let gateGradient: Tensor

  private struct Vector {
    let values: Tensor
    let weight: Weight

    init(_ backend: any Backend, columns: Int) {
      values = backend.makeTensor(rows: 1, columns: columns)
      weight = backend.weight(sharing: values)
    }
  }

  /// Sequences, and what the teacher makes of them.
  package struct Batch {
    let judged: JudgedBatch
    /// The residual stream behind each layer at the rows that are judged, and the sum of its squares.
    let targets: [(hidden: Tensor, squares: Double)]

    package var tokens: Int { judged.layout.ids.count }
  }

  /// - Parameter layers: with a gate, ascending.
  /// - Precondition: both are on one backend and have as many layers.
  package init(teacher: Model, student: Model, layers: [Int]) {
    precondition(teacher.backend === student.backend, "teacher and student are on different backends")
    precondition(teacher.blocks.count == student.blocks.count, "teacher and student have different layers")
    self.teacher = teacher
    self.student = student
    self.layers = layers
    backend = teacher.backend
    memory = PassMemory(backend)
    let columns = teacher.configuration.hiddenSize
    open = Vector(backend, columns: columns)
    shut = Vector(backend, columns: columns)
    negative = Vector(backend, columns: columns)
    gateGradient = backend.makeTensor(rows: 1, columns: columns)
    backend.fill(negative.values, with: -1)
  }

  /// - Throws: `.tokenOutOfRange`.
  package func prepare(_ sequences: [JudgedSequence]) throws(HybridizeError) -> Batch {
    try sequences.check(vocabulary: teacher.configuration.vocabularySize)
    let judged = JudgedBatch(sequences)
    return memory.workspace.scope {
      let context = memory.context(teacher, judged.layout)
      let x = teacher.embedded(judged.layout.ids, context)
      let targets = teacher.blocks.map { block in
        block.applyWhole(x, context)
        let hidden = backend.makeTensor(rows: judged.rows.count, columns: x.columns)
        backend.copyRows(judged.rows, of: x, to: hidden)
        return (hidden: hidden, squares: backend.sumOfSquares(hidden))
      }
      return Batch(judged: judged, targets: targets)
    }
  }

  /// - Parameter gates: one for each layer that has one.
  package func error(_ gates: [Double], _ batch: Batch) -> Double {
    memory.workspace.scope { wayThere(gates, batch, keeps: false).error }
  }

  /// The error and its derivatives by the gates.
  package func gradient(_ gates: [Double], _ batch: Batch) -> (error: Double, gradient: [Double]) {
    memory.workspace.scope {
      let way = wayThere(gates, batch, keeps: true)
      return (way.error, wayBack(way, gates, batch))
    }
  }

  // MARK: The way there

  private struct Way {
    var error = 0.0
    /// The residual stream before each layer, from which all else is made again on the way back.
    var inputs: [Tensor] = []
    /// Of the error by the residual stream behind each layer, at the rows that are judged.
    var gradients: [Tensor] = []
  }

  private func wayThere(_ gates: [Double], _ batch: Batch, keeps: Bool) -> Way {
    precondition(gates.count == layers.count, "\(gates.count) gates for \(layers.count) layers")
    let context = TrainingContext(memory.context(teacher, batch.judged.layout), frozen)
    let x = teacher.embedded(batch.judged.layout.ids, context.mixing)
    var way = Way()
    for (index, block) in teacher.blocks.enumerated() {
      if keeps { way.inputs.append(context.copy(x)) }
      if let place = layers.firstIndex(of: index) {
        block.apply(x, context.mixing) { mix($0, index, gates[place], context.mixing, into: $1) }
      } else {
        block.applyWhole(x, context.mixing)
      }
      let found = memory.workspace.tensor(like: batch.targets[index].hidden)
      way.error += error(x, batch, layer: index, into: found)
      if keeps { way.gradients.append(found) }
    }
    return way
  }

  private func mix(_ input: Tensor, _ layer: Int, _ gate: Double, _ context: MixingContext, into output: Tensor) {
    memory.workspace.scope {
      let full = memory.workspace.tensor(like: output)
      let linear = memory.workspace.tensor(like: output)
      teacher.blocks[layer].mixer.mixWhole(input, context: context, into: full)
      student.blocks[layer].mixer.mixWhole(input, context: context, into: linear)
      blend(full, linear, gate, into: output)
    }
  }

  /// Full becomes what it differs by from linear.
  private func blend(_ full: Tensor, _ linear: Tensor, _ gate: Double, into output: Tensor) {
    set(gate)
    backend.copy(linear, to: output)
    backend.scaleChannels(output, gain: negative.weight)
    backend.add(output, to: full)
    backend.copy(full, to: output)
    backend.scaleChannels(output, gain: open.weight)
    backend.add(linear, to: output)
  }

  private func set(_ gate: Double) {
    backend.fill(open.values, with: gate)
    backend.fill(shut.values, with: 1 - gate)
  }

  /// The share of a layer in the error of all; its gradient is left in `found`.
  private func error(_ x: Tensor, _ batch: Batch, layer: Int, into found: Tensor) -> Double {
    memory.workspace.scope {
      let (hidden, squares) = batch.targets[layer]
      guard squares > 0 else {
        backend.fill(found, with: 0)
        return 0
      }
      backend.copyRows(batch.judged.rows, of: x, to: found)
      let losses = memory.workspace.tensor(rows: found.rows, columns: 1)
      // The operation divides by the columns.
      let scale = Double(x.columns) / (squares * Double(teacher.blocks.count))
      backend.distanceGradient(teacher: hidden, inPlace: found, squared: true, scale: scale, into: losses)
      return scale * backend.read(losses).reduce(0, +)
    }
  }

  // MARK: The way back

  private func wayBack(_ way: Way, _ gates: [Double], _ batch: Batch) -> [Double] {
    let context = TrainingContext(memory.context(teacher, batch.judged.layout), frozen)
    let gradient = memory.workspace.tensor(rows: batch.tokens, columns: teacher.configuration.hiddenSize)
    backend.fill(gradient, with: 0)
    var slopes = gates.map { _ in 0.0 }
    for (index, block) in teacher.blocks.enumerated().reversed() where index >= layers.first ?? .max {
      backend.addRows(way.gradients[index], to: gradient, at: batch.judged.rows)
      memory.workspace.scope {
        guard let place = layers.firstIndex(of: index) else {
          let saved = block.applySaving(way.inputs[index], context) {
            block.mixer.pass($0, context: context, into: $1)
          }
          return block.backward(saved, inPlace: gradient, context)
        }
        backend.fill(gateGradient, with: 0)
        let saved = block.applySaving(way.inputs[index], context) { pass($0, index, gates[place], context, into: $1) }
        block.backward(saved, inPlace: gradient, context)
        slopes[place] = backend.read(gateGradient).reduce(0, +)
      }
    }
    return slopes
  }

  /// The way through a gate: its slope is the product of the gradient with what full differs by from linear.
  private func pass(
    _ input: Tensor, _ layer: Int, _ gate: Double, _ context: TrainingContext, into output: Tensor
  ) -> MixerPass {
    let (backend, workspace) = (backend, memory.workspace)
    let full = workspace.tensor(like: output)
    let linear = workspace.tensor(like: output)
    let fullPass = teacher.blocks[layer].mixer.pass(input, context: context, into: full)
    let linearPass = student.blocks[layer].mixer.pass(input, context: context, into: linear)
    blend(full, linear, gate, into: output)
    return MixerPass { [open, shut, gateGradient] gradient, context, xGradient in
      workspace.scope {
        let linearGradient = context.copy(gradient)
        backend.scaleChannels(linearGradient, gain: shut.weight)
        backend.scaleChannelsGradient(full, gain: open.weight, inPlace: gradient, addingTo: gateGradient)
        fullPass.backward(gradient, context: context, into: xGradient)
        let linearPart = xGradient.map { workspace.tensor(like: $0) }
        linearPass.backward(linearGradient, context: context, into: linearPart)
        if let xGradient, let linearPart { backend.add(linearPart, to: xGradient) }
      }
    }
  }
}
