import HybridizeCompute
import HybridizeCore
import HybridizeRuntime
import Testing

/// What every token mixer must hold to in training: the output that `mix` gives, and on the way back the gradients that
/// finite differences give, of the input and of every parameter, on several ragged sequences; on the CPU the same in single
/// precision.
package func checkMixerTraining(
  _ directory: ModelDirectory, layer: Int, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let exact = try MixerTrainingProbe(directory, layer: layer, on: ReferenceBackend())
  expectClose(
    exact.output(), exact.inferenceOutput(), absolute: 1e-11, "output in training", sourceLocation: sourceLocation)
  let gradients = exact.gradients()
  for (name, gradient) in gradients {
    let found = exact.slope(of: name, along: gradient)
    // Along the gradient itself the slope is its length, the steepest there is: a wrong entry makes both differ.
    let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(
      length > 1e-9 && abs(found - length) <= 1e-6 * length,
      "slope along the gradient of \(name): \(found), not \(length)",
      sourceLocation: sourceLocation)
    var generator = SeededGenerator(seed: 5, stream: name)
    let direction = gradient.map { _ in generator.uniform(-1, 1) }
    let unit = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let expected = zip(direction, gradient).reduce(0) { $0 + $1.0 * $1.1 } / unit
    #expect(
      abs(exact.slope(of: name, along: direction) - expected) <= 1e-6 * length,
      "slope of \(name) along a random direction",
      sourceLocation: sourceLocation)
  }
  let single = try MixerTrainingProbe(directory, layer: layer, on: CPUBackend(threads: 2))
  for (name, gradient) in single.gradients() {
    expectClose(
      gradient, gradients[name] ?? [], relative: 1e-4, "gradient of \(name) in single precision",
      sourceLocation: sourceLocation)
  }
}

/// The mixer of one layer in training, with the loss `sum(out * weights)`.
private struct MixerTrainingProbe {
  private let mixer: any TokenMixer
  private let backend: any Backend
  private let parameters: TrainedParameters
  private let rotary: RotaryEmbedding
  private let x: Tensor
  private let weights: [Double]
  private let sequences = [SequenceRows(rows: 0..<9, position: 0), SequenceRows(rows: 9..<32, position: 0)]

  init(_ directory: ModelDirectory, layer: Int, on backend: any Backend) throws {
    let names = Set(directory.layout.layers[layer].mixer.map(\.name))
    parameters = TrainedParameters(names.contains)
    let model = try directory.load(on: backend, training: parameters)
    self.backend = backend
    mixer = model.blocks[layer].mixer
    rotary = model.configuration.rotary
    x = backend.makeTensor(rows: 32, columns: model.configuration.hiddenSize)
    var generator = SeededGenerator(seed: 3, stream: "training")
    backend.write((0..<x.elementCount).map { _ in Double(Float(generator.uniform(-1, 1))) }, to: x)
    weights = (0..<x.elementCount).map { _ in Double(Float(generator.uniform(-1, 1))) }
  }

  private func inContext<Result>(_ body: (TrainingContext) -> Result) -> Result {
    let workspace = Workspace(backend)
    let angles = rotary.angles(sequences, backend: backend, workspace: workspace)
    let context = MixingContext(backend: backend, workspace: workspace, sequences: sequences, angles: angles)
    return body(TrainingContext(context, parameters))
  }

  private func memory() -> Tensor {
    let tensor = backend.makeTensor(rows: x.rows, columns: x.columns)
    backend.fill(tensor, with: .nan)
    return tensor
  }

  func output() -> [Double] {
    let out = memory()
    _ = inContext { mixer.pass(x, context: $0, into: out) }
    return backend.read(out)
  }

  func inferenceOutput() -> [Double] {
    let out = memory()
    inContext { mixer.mixWhole(x, context: $0.mixing, into: out) }
    return backend.read(out)
  }

  /// Of x and of every parameter.
  func gradients() -> [String: [Double]] {
    for parameter in parameters.all { backend.fill(parameter.gradient, with: 0) }
    let (out, xGradient) = (memory(), memory())
    inContext { context in
      let pass = mixer.pass(x, context: context, into: out)
      backend.write(weights, to: out)
      pass.backward(out, context: context, into: xGradient)
    }
    var gradients = ["x": backend.read(xGradient)]
    for parameter in parameters.all { gradients[parameter.name] = backend.read(parameter.gradient) }
    return gradients
  }

  /// How the loss changes with a step of length one, by central differences.
  func slope(of name: String, along direction: [Double]) -> Double {
    let tensor = parameters.all.first { $0.name == name }?.values ?? x
    let start = backend.read(tensor)
    defer { backend.write(start, to: tensor) }
    let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let step = 1e-5
    func loss(_ factor: Double) -> Double {
      backend.write(zip(start, direction).map { $0 + factor * step * $1 / length }, to: tensor)
      return zip(output(), weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return (loss(1) - loss(-1)) / (2 * step)
  }
}
