import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What has been measured of candidates, by name; in a file if it is to outlive the run.
///
/// The file has one line for each candidate, behind one that says what they were measured on. It is of use to no other
/// measurement, and what a kill leaves of it is what is taken from it next time.
package final class CandidateLedger {
  /// A candidate, and on how many tokens it was trained, of how many that it was to be.
  package struct Key: Hashable, Sendable {
    package let composition: String
    package let tokens: Int
    package let total: Int

    /// - Parameter total: as many as `tokens` unless given.
    package init(_ composition: Composition, tokens: Int, of total: Int? = nil) {
      self.init(composition: composition.name, tokens: tokens, of: total)
    }

    fileprivate init(composition: String, tokens: Int, of total: Int?) {
      self.composition = composition
      self.tokens = tokens
      self.total = total ?? tokens
    }
  }

  private let file: Journal?
  private var scores: [Key: CandidateScores] = [:]

  private static let schema = JSONValue.string("hybridize.candidates/1")

  /// - Parameter texts: those of the request.
  /// - Throws: `.otherCandidates` for a file of other measurements, `.outputBusy`, `.cannotWrite`, `.unreadable`.
  init(_ request: SelectionRequest, texts: [TextSource]) throws(HybridizeError) {
    file = try request.ledger.map { (path) throws(HybridizeError) in try Journal(path) }
    guard file != nil || !request.merged.isEmpty else { return }
    let identity = try Self.identity(request, texts)
    for path in request.merged {
      try Self.check(path)
      try take(Journal(path).entries, of: path, identity)
    }
    guard let file else { return }
    if file.entries.isEmpty {
      try file.replace(with: [["schema": Self.schema, "identity": .string(identity)]])
    } else {
      try take(file.entries, of: file.path, identity)
    }
  }

  private static func check(_ path: String) throws(HybridizeError) {
    guard FileSystem.exists(path) else {
      throw HybridizeError(.unreadable, file: path, expected: "measurements of candidates", found: "no such file")
    }
  }

  package subscript(key: Key) -> CandidateScores? { scores[key] }

  /// - Throws: `.cannotWrite`.
  package func add(_ found: CandidateScores, under key: Key) throws(HybridizeError) {
    scores[key] = found
    try file?.append(Self.line(found, key))
  }

  /// What decides the measurements: teacher, student, text, prompts. Method and number of layers do not, nor where texts lie.
  private static func identity(_ request: SelectionRequest, _ texts: [TextSource]) throws(HybridizeError) -> String {
    var lines = [HybridizeVersion.current]
    for path in [request.model] + (request.student.map { [$0] } ?? []) {
      lines += try FileSystem.identities(ModelDirectory(path, catalog: request.catalog).reader.files)
    }
    lines.append(try ModelDirectory(request.model, catalog: request.catalog).tokenizer().fingerprint)
    let choice = request.choice
    lines.append(
      "\(request.mixer) \(choice.preset) \(choice.expandKeyValue) \(JSONWriter.compact(.object(choice.options)))")
    for (text, share) in zip(texts, request.texts.map(\.share)) {
      let print = try text.fingerprint()
      lines.append("\(print.form) \(print.byteCount) \(print.digest) \(share)")
    }
    if let words = request.words { lines.append(try SHA256.hash(file: words)) }
    lines.append("\(request.sequences) \(request.length) \(request.prompts) \(request.pairs) \(request.seed)")
    return SHA256.hash(text: lines.joined(separator: "\n"))
  }

  // MARK: Lines

  private func take(_ entries: [JSONObject], of path: String, _ identity: String) throws(HybridizeError) {
    guard let head = entries.first, head["schema"] == Self.schema, head["identity"]?.stringValue == identity else {
      throw HybridizeError(
        .otherCandidates, file: path, expected: "measurements of the same models, text and prompts",
        found: entries.first?["schema"]?.stringValue ?? "another file", remedy: "name another file, or remove this one")
    }
    for entry in entries.dropFirst() {
      guard let (key, found) = Self.measurement(entry) else {
        throw HybridizeError(
          .wrongField, file: path, expected: "a candidate a line", found: JSONWriter.compact(.object(entry)))
      }
      scores[key] = found
    }
  }

  private static func line(_ scores: CandidateScores, _ key: Key) -> JSONObject {
    func rows(_ sums: [JudgedSums]) -> JSONValue {
      .array(
        sums.map {
          .array([
            .double($0.divergence), .double($0.loss), .double($0.error), .integer($0.rows), .integer($0.hits),
            .integer($0.trials),
          ])
        })
    }
    return [
      "candidate": .string(key.composition), "tokens": .integer(key.tokens), "of": .integer(key.total),
      "text": rows(scores.text),
      "answers": rows(scores.answers), "training_loss": scores.trainingLoss.map { .double($0) } ?? .null,
    ]
  }

  private static func measurement(_ entry: JSONObject) -> (Key, CandidateScores)? {
    func sums(_ name: String) -> [JudgedSums]? {
      entry[name]?.arrayValue.flatMap { rows in
        let sums = rows.compactMap { row -> JudgedSums? in
          guard let numbers = row.arrayValue, numbers.count == 6, let divergence = numbers[0].doubleValue,
            let loss = numbers[1].doubleValue, let error = numbers[2].doubleValue, let rows = numbers[3].integerValue,
            let hits = numbers[4].integerValue, let trials = numbers[5].integerValue
          else { return nil }
          var sums = JudgedSums()
          (sums.divergence, sums.loss, sums.error) = (divergence, loss, error)
          (sums.rows, sums.hits, sums.trials) = (rows, hits, trials)
          return sums
        }
        return sums.count == rows.count ? sums : nil
      }
    }
    guard let composition = entry["candidate"]?.stringValue, let tokens = entry["tokens"]?.integerValue,
      let text = sums("text"), let answers = sums("answers")
    else { return nil }
    return (
      Key(composition: composition, tokens: tokens, of: entry["of"]?.integerValue),
      CandidateScores(text: text, answers: answers, trainingLoss: entry["training_loss"]?.doubleValue)
    )
  }
}

extension Problem {
  public static let otherCandidates = Problem(
    "otherCandidates", .argument, "the file has measurements of something else")
}
