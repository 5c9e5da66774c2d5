import HybridizeCore

/// Which layers stay softmax attention, and why.
public struct Selection: Sendable, Equatable {
  /// What is known of a layer.
  public struct Layer: Sendable, Equatable {
    public let index: Int
    /// The higher, the more is lost where the layer is converted. Its unit is the method's.
    public let score: Double
    /// The share of resamples of what was measured in which the layer is chosen; `nil` for methods that measure nothing that
    /// could be resampled.
    public let frequency: Double?

    public init(index: Int, score: Double, frequency: Double?) {
      self.index = index
      self.score = score
      self.frequency = frequency
    }
  }

  /// Of methods that choose one layer after the other.
  public struct Step: Sendable, Equatable {
    /// The layer that was taken, or given up.
    public let layer: Int
    public let score: Double
    /// The share of resamples in which this step takes the same layer.
    public let confidence: Double
    /// The layer that comes next.
    public let runnerUp: Int?

    public init(layer: Int, score: Double, confidence: Double, runnerUp: Int?) {
      self.layer = layer
      self.score = score
      self.confidence = confidence
      self.runnerUp = runnerUp
    }
  }

  /// Something else that was measured of every layer.
  public struct Detail: Sendable, Equatable {
    public let name: String
    public let unit: String
    /// As `layers`.
    public let values: [Double]

    public init(name: String, unit: String, values: [Double]) {
      self.name = name
      self.unit = unit
      self.values = values
    }
  }

  public let method: String
  /// What scores are, in a few words.
  public let unit: String
  /// Every softmax layer, ascending.
  public let layers: [Layer]
  /// All of them, the one to keep first in front.
  public let ranking: [Int]
  /// The chosen ones, ascending.
  public let keep: [Int]
  /// The share of resamples in which the same set is chosen.
  public var confidence: Double?
  public var steps: [Step] = []
  public var details: [Detail] = []
  /// What else is to be known.
  public var notes: [String] = []
  public var cost = SelectionCost()

  public init(method: String, unit: String, layers: [Layer], ranking: [Int], keep: [Int]) {
    self.method = method
    self.unit = unit
    self.layers = layers
    self.ranking = ranking
    self.keep = keep
  }

  /// What resamples leave open: layers that are chosen in more than a twentieth and less than nineteen twentieths of them.
  /// Nothing says that those among them that were chosen are better than the others.
  public var ties: [Int] {
    layers.filter { ($0.frequency ?? 0) > 0.05 && ($0.frequency ?? 1) < 0.95 }.map(\.index)
  }
}

/// What a selection has taken.
public struct SelectionCost: Sendable, Equatable {
  /// Tokens that went through a model, of each candidate by itself.
  public var judgedTokens = 0
  /// Tokens that candidates were trained on.
  public var trainedTokens = 0
  public var seconds = 0.0

  public init(judgedTokens: Int = 0, trainedTokens: Int = 0, seconds: Double = 0) {
    self.judgedTokens = judgedTokens
    self.trainedTokens = trainedTokens
    self.seconds = seconds
  }

  public var json: JSONObject {
    [
      "judged_tokens": .integer(judgedTokens), "trained_tokens": .integer(trainedTokens), "seconds": .double(seconds),
    ]
  }
}

extension Selection {
  /// The layers with the highest scores.
  ///
  /// - Parameter scores: one a layer; of equal ones the first layer counts more.
  static func highest(
    _ count: Int, of layers: [Int], scores: [Double], method: String, unit: String
  ) -> Selection {
    let order = LayerRanking.order(scores)
    return Selection(
      method: method, unit: unit,
      layers: zip(layers, scores).map { Layer(index: $0, score: $1, frequency: nil) },
      ranking: order.map { layers[$0] }, keep: order.prefix(count).map { layers[$0] }.sorted())
  }

  /// All but what it has taken: the same for the same request.
  public var record: JSONObject {
    [
      "method": .string(method), "unit": .string(unit), "keep": .array(keep.map { .integer($0) }),
      "ranking": .array(ranking.map { .integer($0) }),
      "scores": .array(
        layers.map { layer in
          .object([
            "layer": .integer(layer.index), "score": .double(layer.score),
            "frequency": layer.frequency.map { .double($0) } ?? .null,
          ])
        }),
      "confidence": confidence.map { .double($0) } ?? .null, "ties": .array(ties.map { .integer($0) }),
      "steps": .array(
        steps.map { step in
          .object([
            "layer": .integer(step.layer), "score": .double(step.score), "confidence": .double(step.confidence),
            "runner_up": step.runnerUp.map { .integer($0) } ?? .null,
          ])
        }),
      "details": .array(
        details.map { detail in
          .object([
            "name": .string(detail.name), "unit": .string(detail.unit),
            "values": .array(detail.values.map { .double($0) }),
          ])
        }),
      "notes": .array(notes.map { .string($0) }),
    ]
  }

  public var json: JSONObject {
    var json = record
    json["cost"] = .object(cost.json)
    return json
  }
}
