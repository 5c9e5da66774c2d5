import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import TestSupport
import Testing

@Suite("the demo's page")
struct DemoTests {
  private func demo(_ change: (inout SelectionTrial) -> Void = { _ in }) -> Demo {
    var trial = SelectionTrial(
      model: Fixtures.model, texts: [(Fixtures.text, 1)], words: Fixtures.path("text/words.json"),
      heldOut: Fixtures.text)
    (trial.alignTokens, trial.matchTokens) = (1024, 2048)
    (trial.documents, trial.prompts, trial.pairs) = (2, 2, 6)
    change(&trial)
    return Demo(trial, sizes: Demo.Sizes(prompt: 8, generate: 2, depths: [0, 16], repetitions: 1))
  }

  @Test("shows the stages in order, and its summary has the same numbers", .tags(.slow))
  func page() throws {
    let pipeline = Pipeline(backend: try BackendRegistry.make("cpu", threads: 2))
    var page = ""
    let (summary, outcome) = try demo().run(pipeline) { page += $0 }
    #expect(
      summary.keys == ["schema", "inspect", "select", "distill", "verify", "generate", "quality", "bench"])

    var rest = page[...]
    for part in [
      "\n1. inspect \(Fixtures.model)\n──", "\n2. select --keep 2", "keep 0, 6 by kl-recall", "\n3. distill",
      "align: 1024 tokens", "guided, keep 0, 6", "match: 2048 tokens", "uniform, keep 0, 4", "match: 2048 tokens",
      "\n4. verify", "\n5. generate", "  water:\n", "  teacher:  5550", "  guided: ",
      "\n6. what is kept: guided (0, 6) and uniform (0, 4)\n──", "  guided   █", "\n7. bench", " pp8 |", "tg2 @ d16",
    ] {
      let place = try #require(rest.range(of: part), "\(part) in order in: \(page)")
      rest = rest[place.upperBound...]
    }
    let quality = try #require(summary["quality"]?.objectValue)
    let divergence = try #require(quality["guided"]?.objectValue?["kl"]?.doubleValue)
    #expect(divergence == outcome.guided.divergence && divergence < outcome.uniform.divergence)
    #expect(page.contains(NumberText.fixed(divergence, 3)))
    #expect(summary["bench"]?.objectValue?["results"]?.arrayValue?.count == 2 * 4)
  }

  @Test("leaves nothing behind, also when a stage fails", .tags(.slow))
  func nothingLeft() throws {
    let pipeline = Pipeline(backend: try BackendRegistry.make("cpu", threads: 2))
    var shown = ""
    let failure = expectProblem(.unreadable) {
      _ = try demo { $0.heldOut = Fixtures.path("nowhere") }.run(pipeline) { shown += $0 }
    }
    #expect(failure?.file == Fixtures.path("nowhere"))
    let line = try #require(shown.split(separator: "\n").first { $0.hasPrefix("  written") })
    let path = try #require(line.split(separator: " ").last.map(String.init))
    #expect(path.hasSuffix("/aligned"))
    #expect(!FileManager.default.fileExists(atPath: (path as NSString).deletingLastPathComponent))
  }

  @Test("a claim holds by KL and by recall of both")
  func claim() throws {
    func outcome(_ guided: (Double, Double), _ uniform: (Double, Double)) -> SelectionTrial.Outcome {
      func student(_ name: String, _ numbers: (Double, Double)) -> SelectionTrial.Student {
        SelectionTrial.Student(name: name, keep: [0], path: "", divergence: numbers.0, recall: numbers.1, perplexity: 9)
      }
      return SelectionTrial.Outcome(
        guided: student("guided", guided), uniform: student("uniform", uniform), teacherRecall: 1, teacherPerplexity: 9)
    }
    #expect(outcome((0.2, 0.99), (0.31, 0.01)).holds)
    #expect(!outcome((0.21, 0.99), (0.3, 0.01)).holds)
    #expect(!outcome((0.2, 0.97), (0.3, 0.01)).holds)
    #expect(!outcome((0.2, 0.99), (0.3, 0.05)).holds)
    #expect(!outcome((.nan, 0.99), (0.3, 0.01)).holds)
    let chart = outcome((0.15, 0.5), (0.3, 0)).chart
    #expect(chart.contains("  uniform  " + String(repeating: "█", count: 40) + " 0.300"))
    #expect(chart.contains("  guided   " + String(repeating: "█", count: 20) + " 0.150"))
    #expect(chart.contains("  uniform  ▏ 0.000"))
  }
}
