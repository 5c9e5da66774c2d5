import HybridizeCore
import TestSupport
import Testing

@Suite("help")
struct HelpTests {
  struct Command: CustomTestStringConvertible, Sendable {
    let name: String
    let arguments: [String]
    let options: [String]

    var testDescription: String { name }
  }

  static let shared = ["--json", "--quiet", "--threads", "--help", "--version"]

  /// Of commands that open a model.
  private static let opening = ["--ignore-field"]

  static let commands = [
    Command(
      name: "inspect", arguments: ["<path>"],
      options: ["--tree", "--tensors", "--stats", "--hash", "--check", "--context"]),
    Command(name: "metadata", arguments: ["<path>"], options: ["--set", "--remove"]),
    Command(name: "diff", arguments: ["<first>", "<second>"], options: ["--check"]),
    Command(
      name: "convert", arguments: ["<source>", "<out>"],
      options: [
        "--keep", "--ratio", "--select", "--mixer", "--option", "--gates", "--dtype", "--format", "--layout",
        "--compression", "--level", "--shuffle", "--shard-size", "--align", "--preset",
        "--expand-key-value",
        "--mixers-from", "--adapter", "--seed", "--dry-run",
      ]),
    Command(
      name: "verify", arguments: ["<source>", "<converted>"],
      options: ["--text", "--text-key", "--documents", "--length", "--max-kl"]),
    Command(
      name: "distill", arguments: ["<teacher>", "<student>", "<out>"],
      options: [
        "--text", "--text-key", "--mix", "--stage", "--preset", "--tokens", "--batch", "--length", "--micro-batch",
        "--rate",
        "--rest-rate", "--schedule", "--warmup", "--final-share", "--decay-share", "--beta1", "--beta2",
        "--weight-decay",
        "--clip", "--seed", "--eval-every", "--patience", "--temperature", "--top-k", "--squared",
        "--isolate-documents",
        "--recompute", "--layers", "--resume", "--save-every", "--dtype", "--cache", "--profile", "--teacher-cache",
      ]),
    Command(
      name: "select", arguments: ["<model>"],
      options: [
        "--keep", "--ratio", "--method", "--text", "--text-key", "--mix", "--student", "--sequences", "--length",
        "--prompts",
        "--pairs", "--words", "--answer-weight", "--tokens", "--rank-by-training-loss", "--stop-early", "--list",
        "--cache", "--seed",
        "--resamples", "--scores", "--layers", "--merge", "--html", "--dry-run",
      ]),
    Command(name: "merge", arguments: ["<paths>"], options: []),
    Command(
      name: "eval", arguments: ["<model>"],
      options: [
        "--teacher", "--text", "--text-key", "--documents", "--length", "--recall", "--tasks", "--size", "--greedy",
        "--lm-eval",
        "--prompts", "--words", "--seed",
      ]),
    Command(
      name: "bench", arguments: ["<models>"],
      options: [
        "--prompt", "--generate", "--depth", "--repetitions", "--format", "--pin", "--profile", "--html", "--plot",
      ]),
    Command(
      name: "generate", arguments: ["<model>"],
      options: [
        "--prompt", "--chat", "--system", "--messages", "--chat-template", "-n, --tokens", "--temperature", "--top-k",
        "--top-p", "--min-p", "--seed",
      ]),
    Command(name: "tokenize", arguments: ["<model>"], options: ["--prompt", "--text", "--text-key"]),
    Command(name: "logits", arguments: ["<model>"], options: ["--ids", "--prompt", "--out"]),
    Command(
      name: "demo", arguments: [],
      options: [
        "--model", "--text", "--mix", "--held-out", "--words", "--keep", "--align-tokens", "--match-tokens", "--seed",
        "--claim",
      ]),
  ]

  @Test("of a command names its arguments and options, each with what it does", arguments: commands)
  func command(_ command: Command) async throws {
    let outcome = try await Program().run(command.name, "--help")
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    #expect(outcome.text.contains("USAGE: hybridize \(command.name)"))
    let opening = ["metadata", "diff", "tokenize"].contains(command.name) ? [] : Self.opening
    for name in command.arguments + command.options + opening + Self.shared {
      #expect(Self.explanation(of: name, in: outcome.text) != nil, "\(name) in: \(outcome.text)")
    }
  }

  /// The text beside an option, or below it where the option is long: help is set in two columns.
  private static func explanation(of name: String, in help: String) -> Substring? {
    let lines = help.split(separator: "\n")
    let place = lines.firstIndex { line in
      let label = line.prefix(26)
      return label.hasPrefix("  \(name)") || label.hasPrefix("  -") && label.contains(", \(name)")
    }
    guard let place else { return nil }
    if lines[place].count > 26 && lines[place].prefix(26).last == " " { return lines[place].dropFirst(26) }
    let next = lines.dropFirst(place + 1).first
    return next?.hasPrefix(String(repeating: " ", count: 26)) == true ? next : nil
  }

  @Test("of the program names every command, and the exit codes")
  func program() async throws {
    let outcome = try await Program().run("--help")
    #expect(outcome.status == 0)
    #expect(outcome.error == "")
    for command in Self.commands {
      #expect(outcome.text.contains("\n  \(command.name) "), "\(command.name)")
    }
    let words = outcome.text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
    #expect(
      words.contains("0 done, 1 a check failed, 2 wrong usage or argument, 3 bad input file, 4 cannot write"))
  }

  @Test("there is no command that this suite does not know")
  func allCommands() async throws {
    let help = try await Program().run("--help").text.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(help.firstIndex { $0.hasPrefix("SUBCOMMANDS") })
    let listed = help[(start + 1)...].prefix { $0 != "" }
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .map { String($0.split(separator: " ")[0]) }
    #expect(Set(listed) == Set(Self.commands.map(\.name)))
  }

  @Test("the version is the library's", arguments: [["--version"], ["inspect", "--version"]])
  func version(_ arguments: [String]) async throws {
    let outcome = try await Program().run(arguments)
    #expect(outcome.status == 0)
    #expect(outcome.text == HybridizeVersion.current + "\n")
  }
}
