import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// The texts of a training: a stream of batches, and sequences of documents that are never in it.
struct TrainingTexts {
  let source: any BatchSource
  let heldOut: [TokenBatch]
  /// The same of each text, not in batches.
  let heldOutByText: [[TokenSequence]]
  /// Of the stream.
  let fingerprint: String
  /// Tokens of each text that are trained on.
  let tokens: [Int]

  /// Sequences that the held-out loss of a training is measured on, at most.
  static let usualHeldOutSequences = 16

  /// Tokenises what has not been tokenised before.
  ///
  /// - Parameters:
  ///   - texts: each with its share of the tokens.
  ///   - folder: where tokenised texts are kept.
  ///   - heldOutSequences: of all texts together, at most; one of each at least.
  /// - Throws: what reading the texts throws, `.tooFewDocuments`.
  init(
    _ texts: [(text: TextSource, share: Double)], settings: TrainingSettings, folder: String,
    heldOutSequences: Int = usualHeldOutSequences, _ teacher: ModelDirectory, threads: Int, progress: Progress
  ) throws(HybridizeError) {
    try FileSystem.makeDirectory(folder)
    let cache = TokenCache(
      folder: folder, tokenizer: try teacher.tokenizer(), configuration: teacher.configuration, threads: threads,
      progress: progress)
    var streams: [TokenDocuments] = []
    var heldOut: [[TokenSequence]] = []
    let whole = texts.reduce(0) { $0 + $1.share }
    for text in texts {
      let file = try cache.tokens(of: text.text)
      let wanted = Int((Double(heldOutSequences) * text.share / whole).rounded(.up))
      let (rest, last) = try TokenDocuments(file).holdOut(
        sequences: wanted, of: settings.length, isOneDocument: file.isOneDocument, name: text.text.name)
      streams.append(rest)
      heldOut.append(Array(last.sequences(of: settings.length).prefix(wanted)))
    }
    // Each stage goes through the texts in an order of its own: what a short one had is not what the next one has.
    var random = SeededGenerator(seed: settings.seed, stream: settings.stage.rawValue)
    let mixture = try TextMixture(
      streams, shares: texts.map(\.share), length: settings.length, lanes: settings.batch, seed: random.next())
    fingerprint = mixture.fingerprint
    tokens = streams.map(\.tokenCount)
    source = MixtureSource(mixture, batch: settings.batch)
    heldOutByText = heldOut
    let all = heldOut.flatMap(\.self)
    self.heldOut = stride(from: 0, to: all.count, by: settings.batch).map {
      TokenBatch(Array(all[$0..<min(all.count, $0 + settings.batch)]))
    }
  }
}

/// A mixture of texts as batches by number.
private final class MixtureSource: BatchSource {
  private let start: TextMixture
  private var mixture: TextMixture
  private let size: Int

  init(_ mixture: TextMixture, batch size: Int) {
    start = mixture
    self.mixture = mixture
    self.size = size
  }

  /// Batches asked for in order are read one after the other; any other is found from the beginning.
  func batch(_ index: Int) throws(HybridizeError) -> TokenBatch {
    if mixture.position != index * size {
      mixture = start
      for _ in 0..<index * size { mixture.skipSequence() }
    }
    return mixture.next(size)
  }
}
