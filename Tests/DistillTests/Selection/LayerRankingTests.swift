import HybridizeCore
import HybridizeDistill
import Testing

@Suite("rankings of layers and how sure they are")
struct LayerRankingTests {
  private func scores(_ divergences: [Double], rows: Int = 10) -> CandidateScores {
    CandidateScores(
      text: divergences.map { value in
        var sums = JudgedSums()
        (sums.divergence, sums.rows) = (value * Double(rows), rows)
        return sums
      }, answers: [])
  }

  private func ranking(_ layers: [[Double]], count: Int = 1, resamples: Int = 400) -> LayerRanking {
    let scores = layers.map { self.scores($0) }
    let criterion = Criterion()
    return LayerRanking(count, text: layers[0].count, answers: 0, resamples: resamples, seed: 3) { sample in
      scores.map { criterion.value($0, sample) }
    }
  }

  @Test("the highest first, of equal ones the first, what is no number last")
  func order() {
    #expect(LayerRanking.order([1, 3, .nan, 3, -.infinity, 2]) == [1, 3, 5, 0, 2, 4])
  }

  @Test("a layer that is better on every sequence is chosen in every draw")
  func sure() {
    let found = ranking([[0.1, 0.5, 0.2, 0.9], [0.2, 0.6, 0.3, 1.0], [0, 0.4, 0.1, 0.8]])
    #expect(found.order == [1, 0, 2])
    #expect(found.confidence == 1 && found.frequencies == [0, 1, 0])
    #expect(found.selection(1, of: [4, 5, 6], method: "m", unit: "u").ties.isEmpty)
  }

  @Test("layers that are better on half of the sequences each are ties")
  func ties() {
    let found = ranking([[1, 0, 1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1, 0, 1.01], [0, 0, 0, 0, 0, 0, 0, 0]])
    #expect(found.order == [1, 0, 2])
    #expect((0.3...0.7).contains(found.confidence), "\(found.confidence)")
    let selection = found.selection(1, of: [2, 3, 7], method: "m", unit: "u")
    #expect(selection.keep == [3] && selection.ties == [2, 3] && selection.ranking == [3, 2, 7])
  }

  @Test("text and answers are means over rows, weighed")
  func criterion() {
    var both = scores([0.2, 0.4])
    both.answers = scores([3], rows: 2).text
    let sample = Resample(text: 2, answers: 1)
    #expect(abs(Criterion().value(both, sample) - 0.3) < 1e-15)
    #expect(abs(Criterion(answerWeight: 0.5).value(both, sample) - 1.8) < 1e-15)
    #expect(abs(Criterion(textWeight: 0, answerWeight: 1).value(both, sample) - 3) < 1e-15)
    both.trainingLoss = 7
    #expect(Criterion(isTrainingLoss: true).value(both, sample) == 7)
  }

  @Test("draws with replacement have as many sequences as there are")
  func draws() {
    var random = SeededGenerator(seed: 1)
    let sample = Resample(text: 20, answers: 7, drawnBy: &random)
    #expect(sample.text.reduce(0, +) == 20 && sample.answers.reduce(0, +) == 7)
    #expect(sample.text != Array(repeating: 1, count: 20))
  }

  @Test(
    "SMART takes the best layer near each of even places",
    arguments: [
      ([0.0, 5, 1, 0, 0, 0, 0, 9, 0], 3, [1, 2, 7]), ([1, 0, 0, 0], 2, [0, 2]), ([1, 2, 3], 3, [0, 1, 2]),
      ([1, 2, 3], 1, [2]), ([1.0], 0, []),
    ])
  func smart(_ scores: [Double], _ count: Int, _ expected: [Int]) {
    #expect(SMARTSelector.layout(count, scores) == expected)
  }

  @Test("quality is shown for none, all, and the number that is asked for")
  func counts() {
    #expect(SelectionQuality.counts(2, of: 8) == Array(0...8))
    let many = SelectionQuality.counts(7, of: 30)
    #expect(many.first == 0 && many.last == 30 && many.contains(7) && many.count <= 10)
  }
}
