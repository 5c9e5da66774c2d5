import Foundation
import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeDistill
import HybridizeFormats
import TestSupport
import Testing

@Suite("measurements of candidates in a file")
struct CandidateLedgerTests {
  let scratch = TemporaryDirectory()

  private func select(_ change: (inout SelectionRequest) -> Void) throws -> Selection {
    var request = try SelectionFixture.request(scratch)
    change(&request)
    var selection = try Pipeline(backend: CPUBackend(threads: 2)).select(request).selection
    selection.cost.seconds = 0
    return selection
  }

  @Test("layers measured by several jobs are merged to what one run finds")
  func merge() throws {
    var whole = try select { _ in }
    let (low, high) = (scratch.path("low.jsonl"), scratch.path("high.jsonl"))
    for (file, layers) in [(low, [0, 1, 2, 3]), (high, [4, 5, 6, 7])] {
      let error = expectProblem(.incompleteSelection) {
        _ = try select {
          $0.ledger = file
          $0.layers = layers
        }
      }
      #expect(error?.category == .checkFailed)
    }
    var merged = try select { $0.merged = [low, high] }
    #expect(merged.cost.judgedTokens == 0)
    (whole.cost, merged.cost) = (SelectionCost(), SelectionCost())
    #expect(merged == whole)
  }

  @Test("a text or word list that lies elsewhere with the same bytes is the same, one with another byte is not")
  func moved() throws {
    let file = scratch.path("scores.jsonl")
    _ = try select { $0.ledger = file }
    let bytes = scratch.bytes("short.jsonl")
    let copy = scratch.write("copy.ndjson", bytes)
    let words = scratch.write(
      "words.json", try FileSystem.read(Fixtures.path("text/words.json"), limit: 1 << 24))
    let again = try select {
      $0.merged = [file]
      $0.texts = [(copy, 1)]
      $0.words = words
    }
    #expect(again.cost.judgedTokens == 0)
    scratch.write("copy.ndjson", bytes + [0x0A])
    expectProblem(.otherCandidates) {
      _ = try select {
        $0.merged = [file]
        $0.texts = [(copy, 1)]
      }
    }
  }

  @Test("what is in the file is not measured again, and half a line is not there")
  func resume() throws {
    let file = scratch.path("scores.jsonl")
    let first = try select { $0.ledger = file }
    let again = try select { $0.ledger = file }
    #expect(first.cost.judgedTokens > 0 && again.cost.judgedTokens == 0)
    #expect(again.record == first.record)
    let bytes = try Data(contentsOf: URL(filePath: file))
    try bytes.dropLast(100).write(to: URL(filePath: file))
    let torn = try select { $0.ledger = file }
    #expect(torn.cost.judgedTokens > 0 && torn.cost.judgedTokens < first.cost.judgedTokens)
    #expect(torn.record == first.record)
    #expect(try Data(contentsOf: URL(filePath: file)).count == bytes.count)
  }

  @Test("measurements of something else are refused")
  func other() throws {
    let file = scratch.path("scores.jsonl")
    _ = try select { $0.ledger = file }
    expectProblem(.otherCandidates) {
      _ = try select {
        $0.ledger = file
        $0.seed = 1
      }
    }
    expectProblem(.otherCandidates) {
      _ = try select {
        $0.merged = [file]
        $0.length = 65
      }
    }
    expectProblem(.otherCandidates) {
      _ = try select {
        $0.merged = [file]
        $0.choice = MixerChoice(preset: .best, expandKeyValue: true)
      }
    }
    let text = scratch.write("text.jsonl", "{\"schema\": \"hybridize.candidates/1\", \"identity\": \"\"}\n")
    expectProblem(.otherCandidates) { _ = try select { $0.merged = [text] } }
    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    let damaged = scratch.write("damaged.jsonl", lines[0] + "\n{\"candidate\": \"SSSS\", \"tokens\": 0}\n")
    expectProblem(.wrongField) { _ = try select { $0.merged = [damaged] } }
  }
}
