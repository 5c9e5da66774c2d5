import HybridizeCompute
import HybridizeCore
import HybridizeEvaluation

/// How many features the softmax kernel of a layer asks for on the queries and keys of text (arXiv 2507.03340): a kernel
/// that few features describe is what linear attention can be. The value of a layer is that of its most demanding head.
public struct DegreesOfFreedomSelector: Selector {
  public static let name = "dof"
  public static let summary = "how many features the softmax kernel asks for: degrees of freedom, most of all heads"

  /// Queries and keys of a head.
  var points = 256
  /// What the paper takes for GPT-2.
  var regularisation = 0x1p-4

  public init() {}

  public func expectedCost(_ run: SelectionRun) throws(HybridizeError) -> SelectionCost {
    SelectionCost(judgedTokens: try run.judgedTokens(.text, candidates: 0))
  }

  public func select(_ run: SelectionRun) throws(HybridizeError) -> Selection {
    let texts = try run.text()
    let samples = try sample(texts, run)
    let pool = try ThreadPool(threads: run.backend.threads)
    let freedom = DegreesOfFreedom(regularisation: regularisation)
    var values: [[Double]] = []
    var withoutLength: [Double] = []
    for (place, heads) in samples.enumerated() {
      run.progress.report(Self.name, done: place, of: samples.count)
      let found = pool.map(heads.count) { freedom.softmaxKernel(heads[$0].points, scale: heads[$0].scale) }
      if let head = found.firstIndex(of: nil) {
        throw HybridizeError(
          .notFinite, file: run.request.model, expected: "queries and keys that are finite numbers",
          found: "others in head \(head) of layer \(run.layers[place])")
      }
      values.append(found.compactMap(\.self))
      withoutLength.append(
        pool.map(heads.count) { freedom.gaussianKernel(heads[$0].points, scale: heads[$0].scale) }.max() ?? 0)
    }
    run.progress.report(Self.name, done: samples.count, of: samples.count)
    var selection = Selection.highest(
      run.count, of: run.layers, scores: values.map { $0.max() ?? 0 }, method: Self.name,
      unit: "degrees of freedom of the softmax kernel of the head that has most")
    selection.details = [
      Selection.Detail(name: "mean of heads", unit: "degrees of freedom", values: values.map(\.mean)),
      Selection.Detail(name: "without length", unit: "degrees of freedom", values: withoutLength),
    ]
    let count = min(points, 2 * texts.tokenCount)
    selection.notes = ["Gram matrices of \(count) queries and keys a head, lambda " + NumberText.brief(regularisation)]
    let full = selection.layers.filter { $0.score > 0.999 * Double(count) }.map(\.index)
    if !full.isEmpty {
      selection.notes.append(
        "layers \(LayerList.text(full)) have as many as there are points: long queries and keys, which this score does "
          + "not tell apart")
    }
    return selection
  }

  /// Some queries and keys of a head.
  private struct Sample {
    /// Of the text, ascending: the query of token n is number n, its key comes as many later as there are tokens.
    let numbers: [Int]
    var points: [[Double]] = []
    var scale = 1.0
  }

  /// Of every layer and head.
  private func sample(_ texts: [JudgedSequence], _ run: SelectionRun) throws(HybridizeError) -> [[Sample]] {
    let tokens = texts.tokenCount
    let all = Array(0..<2 * tokens)
    var samples = run.layers.map { layer in
      (0..<run.directory.configuration.heads).map { head in
        var random = SeededGenerator(seed: run.request.seed, stream: "points of layer \(layer) head \(head)")
        return Sample(numbers: random.sample(min(points, all.count), of: all).sorted())
      }
    }
    let starts = texts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.ids.count) }
    func report(_ done: Int) { run.progress.report(Self.name + ": text", done: done, of: texts.count) }
    try AttentionReader(try run.teacher, layers: run.layers).read(
      texts, progress: report
    ) { layer, first, inputs in
      let rows = starts[first]..<starts[first + inputs.sequences.count]
      for head in 0..<inputs.shape.heads {
        samples[layer][head].scale = inputs.shape.scale
        for number in samples[layer][head].numbers where rows.contains(number % tokens) {
          let row = number % tokens - rows.lowerBound
          let point =
            number < tokens
            ? inputs.queries[inputs.queryPlace(row, head: head)] : inputs.keys[inputs.keyPlace(row, head: head)]
          samples[layer][head].points.append(Array(point))
        }
      }
    }
    run.readTokens += tokens
    return samples
  }
}

extension Problem {
  public static let notFinite = Problem("notFinite", .inputFile, "a value is not a finite number")
}
