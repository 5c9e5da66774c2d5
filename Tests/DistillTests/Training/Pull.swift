import HybridizeCompute
import HybridizeCore
import HybridizeDistill

/// An objective whose optimum is known: each token pulls the parameters towards a point of its own, with half the squared
/// distance for a loss. Tokens of some ids do what a training must survive.
final class Pull: TrainingObjective {
  struct Parameter {
    let name: String
    let group: ParameterGroup
    let rows: Int
    let columns: Int
  }

  static let parameters = [
    Parameter(name: "mixer.weight", group: .mixer, rows: 2, columns: 3),
    Parameter(name: "mixer.bias", group: .mixerVectors, rows: 1, columns: 2),
    Parameter(name: "head.weight", group: .rest, rows: 1, columns: 4),
    Parameter(name: "norm.weight", group: .restVectors, rows: 1, columns: 1),
  ]

  /// Ids from here on have points far away.
  static let far = 1000
  /// Its loss is no number.
  static let noLoss = 2000
  /// The gradient of `mixer.bias` is infinite.
  static let noGradient = 2001
  /// It has no loss, as the last token of a text.
  static let silent = 2002

  let backend: any Backend
  let parameters: [TrainableParameter]

  /// Parameters begin at one.
  init(on backend: any Backend, _ parameters: [Parameter] = Pull.parameters) {
    self.backend = backend
    self.parameters = parameters.map { parameter in
      func tensor(_ value: Double) -> Tensor {
        let tensor = backend.makeTensor(rows: parameter.rows, columns: parameter.columns)
        backend.fill(tensor, with: value)
        return tensor
      }
      return TrainableParameter(
        name: parameter.name, group: parameter.group, values: tensor(1), gradient: tensor(.nan))
    }
  }

  /// The values of all parameters.
  var values: [[Double]] { parameters.map { backend.read($0.values) } }

  /// Where tokens of this id pull to.
  static func point(_ id: Int, _ name: String, count: Int) -> [Double] {
    var generator = SeededGenerator(seed: UInt64(id), stream: name)
    let size = id >= far ? 1e6 : 1
    return (0..<count).map { _ in generator.uniform(-size, size) }
  }

  func accumulate(_ batch: TokenBatch, scale: Double) throws(HybridizeError) -> LossSum {
    for parameter in parameters {
      let values = backend.read(parameter.values)
      var gradient = backend.read(parameter.gradient)
      for id in batch.sequences.flatMap(\.ids) where id != Self.silent {
        let point = Self.point(id, parameter.name, count: values.count)
        for index in gradient.indices { gradient[index] += scale * (values[index] - point[index]) }
        if id == Self.noGradient, parameter.name == "mixer.bias" { gradient[1] = .infinity }
      }
      backend.write(gradient, to: parameter.gradient)
    }
    return try loss(batch)
  }

  func loss(_ batch: TokenBatch) throws(HybridizeError) -> LossSum {
    var losses = LossSum()
    let values = values
    for id in batch.sequences.flatMap(\.ids) where id != Self.silent {
      var sum = id == Self.noLoss ? Double.nan : 0
      for (parameter, values) in zip(parameters, values) {
        let point = Self.point(id, parameter.name, count: values.count)
        for (value, target) in zip(values, point) { sum += 0.5 * (value - target) * (value - target) }
      }
      losses.add(LossSum(sum: sum, count: 1))
    }
    return losses
  }
}

/// Batches of random ids below 8, other ones at some steps.
struct ToyText: BatchSource {
  var sequences = 4
  var length = 3
  var others: [Int: TokenBatch] = [:]
  /// Where the text cannot be read, which cuts a training there.
  var cutAt: Int?
  /// Called before a batch is made.
  var willRead: (Int) -> Void = { _ in }

  func batch(_ index: Int) throws(HybridizeError) -> TokenBatch {
    willRead(index)
    if index == cutAt { throw HybridizeError(.unreadable, file: "text", found: "cut") }
    if let other = others[index] { return other }
    var generator = SeededGenerator(seed: UInt64(index), stream: "text")
    return TokenBatch(
      (0..<sequences).map { _ in TokenSequence(ids: (0..<length).map { _ in generator.index(below: 8) }) })
  }

  /// The same token at every step.
  static func constant(_ id: Int, steps: Int) -> ToyText {
    ToyText(others: Dictionary(uniqueKeysWithValues: (0..<steps).map { ($0, batch(id)) }))
  }

  static func batch(_ ids: Int...) -> TokenBatch { TokenBatch([TokenSequence(ids: ids)]) }
}

extension TrainingSettings {
  /// Steps of 12 tokens, as `ToyText` has them; all that a setting can change is changed.
  static func toy(steps: Int, rate: Double = 0.05) -> TrainingSettings {
    var settings = TrainingSettings(
      stage: .match, tokens: 12 * steps, batch: 4, length: 3, microBatchTokens: 6, mixerRate: rate,
      restRate: rate / 5, schedule: LearningRateSchedule(.cosine(finalShare: 0.1), warmUpSteps: 2))
    settings.weightDecay = 0.1
    settings.evaluationInterval = 4
    return settings
  }
}
