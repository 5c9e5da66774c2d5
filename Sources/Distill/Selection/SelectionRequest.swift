import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What a choice of layers is to be made from.
public struct SelectionRequest: Sendable {
  /// The original model.
  public var model: String
  /// What models can be made of.
  public var catalog = Catalog.standard
  /// As `SelectorRegistry` names it.
  public var method: String
  /// Other methods to show beside it; they decide nothing.
  public var compared: [String] = []
  /// Also measure what is left of the teacher with more and fewer layers kept, by each method's ranking.
  public var measuresQuality = false
  /// How many layers stay softmax attention.
  public var keep: Int
  /// A model of the same teacher with all layers converted, whose linear mixers stand for what conversion makes of a layer;
  /// mixers with transferred weights, not trained, unless given.
  public var student: String?
  /// Of mixers that are made anew.
  public var mixer = GatedDeltaNetOptions.name
  public var choice = MixerChoice(preset: .best)
  /// Text to judge by, and to train candidates on where a method does, each with its share of the tokens. A path is what
  /// `TextSource` takes.
  public var texts: [(path: String, share: Double)] = []
  /// Where objects of texts have the text.
  public var textKey = TextSource.usualKey
  /// Where tokenised texts are kept; nowhere unless given.
  public var cache: String?
  /// Sequences of text that candidates are judged on; no candidate is trained on them.
  public var sequences = 32
  /// Tokens of each.
  public var length = 256
  /// Phone books that candidates are judged on.
  public var prompts = 24
  /// Entries of each.
  public var pairs = 16
  /// A list of words for them; words of the tokenizer unless given.
  public var words: String?
  /// Of `kl-recall`: what the divergence at answers weighs against that on text.
  public var answerWeight = usualAnswerWeight
  /// Of methods that train every candidate: tokens of each.
  public var tokens = 50_000
  /// Of those: rank by the mean loss of the last steps, as the published code does, instead of held-out text.
  public var ranksByTrainingLoss = false
  /// Of ga-s2 and gr-s2: train all candidates side by side and stop when the chosen layers no longer change.
  public var stopsEarly = false
  /// The layers of method `given`.
  public var given: [Int] = []
  /// Candidates of these layers only are measured, to be merged later; all unless given.
  public var layers: [Int]?
  /// A file that measurements are kept in: what is there is not measured again.
  public var ledger: String?
  /// Files of measurements of other runs, taken before anything is measured.
  public var merged: [String] = []
  /// Of the choice of text, of prompts, of new mixers and of the order of training.
  public var seed: UInt64 = 0
  /// Draws by which confidence is found.
  public var resamples = 1000

  /// At one, the chance of new gates decides between layers that are needed for text and layers that are needed for answers
  /// (docs/benchmarks.md, 7).
  public static let usualAnswerWeight = 0.5

  public init(model: String, method: String, keep: Int) {
    self.model = model
    self.method = method
    self.keep = keep
  }

  /// - Throws: `.badArgument` for numbers that cannot be.
  func checked() throws(HybridizeError) {
    let million = 1 << 20
    let bounds: [(name: String, number: Int, range: ClosedRange<Int>)] = [
      ("sequences", sequences, 1...million), ("length", length, 2...million), ("prompts", prompts, 1...million),
      ("pairs", pairs, 1...million), ("tokens", tokens, 1...million * million), ("resamples", resamples, 1...million),
    ]
    for (name, number, range) in bounds where !range.contains(number) {
      throw HybridizeError(
        .badArgument, expected: "\(name): \(range.lowerBound) to \(range.upperBound)", found: "\(number)")
    }
    guard !stopsEarly || layers == nil else {
      throw HybridizeError(
        .badArgument, expected: "all layers where a selection may stop early", found: "some of them")
    }
    guard answerWeight >= 0, answerWeight.isFinite else {
      throw HybridizeError(.badArgument, expected: "answer weight: a number from 0 on", found: "\(answerWeight)")
    }
  }
}
