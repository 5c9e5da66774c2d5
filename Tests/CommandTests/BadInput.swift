import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

/// A command line that cannot work: how it ends and what is said about it.
struct BadInput: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let status: Int32
  /// What the message must hold.
  let mentions: [String]
  /// Prepares a scratch directory and gives the arguments.
  let arguments: @Sendable (TemporaryDirectory) throws -> [String]

  init(
    _ description: String, status: Int32, _ mentions: [String],
    _ arguments: @escaping @Sendable (TemporaryDirectory) throws -> [String]
  ) {
    testDescription = description
    self.status = status
    self.mentions = mentions
    self.arguments = arguments
  }

  static let all = [usage, values, training, texts, configurations, weights, adapters, missing, outputs].flatMap { $0 }

  /// Arguments that no model is needed to refuse. `OUT` stands for a new path.
  private static func refused(_ arguments: String..., mentions: [String]) -> BadInput {
    BadInput(arguments.filter { !$0.hasPrefix("/") }.joined(separator: " "), status: 2, mentions) { scratch in
      arguments.map { $0 == "OUT" ? scratch.path("out") : $0 }
    }
  }

  static let usage = [
    refused("inspect", mentions: ["<path>"]),
    refused("inspect", Fixtures.model, "--frobnicate", mentions: ["--frobnicate"]),
    refused("inspect", Fixtures.model, "more", mentions: ["more"]),
    refused("inspect", Fixtures.model, "--context", "few", mentions: ["few", "expected: --context: numbers like 0,6"]),
    refused("convert", Fixtures.model, "OUT", mentions: ["--keep", "--ratio"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "0", "--ratio", "0.5", mentions: ["--keep", "--ratio"]),
    refused("convert", Fixtures.model, "OUT", "--ratio", "2", mentions: ["--ratio", "0 to 1"]),
    refused("convert", Fixtures.model, "OUT", "--ratio", "nan", mentions: ["--ratio", "0 to 1"]),
    refused("convert", Fixtures.model, "OUT", "--ratio", "much", mentions: ["--ratio", "much"]),
    refused(
      "convert", Fixtures.model, "OUT", "--keep", "0", "--preset", "worst", mentions: ["--preset", "worst", "best"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "0", "--threads", "0", mentions: ["--threads", "1 to 1024"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "0", "--seed=-1", mentions: ["--seed", "-1"]),
    refused("verify", Fixtures.model, Fixtures.hybrid, "--documents", "0", mentions: ["--documents"]),
    refused("verify", Fixtures.model, Fixtures.hybrid, "--length", "1", mentions: ["--length"]),
    refused("verify", Fixtures.model, Fixtures.hybrid, "--max-kl", "1", mentions: ["--max-kl", "--text"]),
    refused("eval", Fixtures.model, mentions: ["--text", "--recall", "--tasks"]),
    refused("eval", Fixtures.model, "--recall", "8", "--greedy", mentions: ["--greedy", "--tasks"]),
    refused("eval", Fixtures.model, "--recall", "8", "--lm-eval", "OUT", mentions: ["--lm-eval", "--tasks"]),
    refused("eval", Fixtures.model, "--recall", "8", "--size", "copy.words=3", mentions: ["--size", "--tasks"]),
    refused("eval", Fixtures.model, "--tasks", "copy", "--prompts", "0", mentions: ["--prompts"]),
    refused("bench", mentions: ["<models>"]),
    refused("bench", Fixtures.model, "--prompt", "0", "--generate", "0", mentions: ["--prompt", "--generate"]),
    refused("bench", Fixtures.model, "--repetitions", "0", mentions: ["--repetitions"]),
    refused("bench", Fixtures.model, "--depth", "deep", mentions: ["deep", "expected: --depth: numbers like 0,6"]),
    refused("bench", Fixtures.model, "--format", "xml", mentions: ["--format", "xml", "csv"]),
    refused("select", Fixtures.model, mentions: ["--keep", "--ratio"]),
    refused("select", Fixtures.model, "--keep", "2", "--layers", "0-3", mentions: ["--layers", "--scores"]),
    refused("select", Fixtures.model, "--keep", "2", mentions: ["--text"]),
    refused("select", Fixtures.model, "--keep", "2", "--sequences", "0", mentions: ["sequences: 1 to"]),
    refused(
      "select", Fixtures.model, "--keep", "2", "--sequences", "9000000000000000000", mentions: ["sequences: 1 to"]),
    refused(
      "select", Fixtures.model, "--keep", "2", "--text", Fixtures.text, "--student", Fixtures.hybrid,
      mentions: ["recall-hybrid-6m", "a converted layer 0", "--keep none"]),
    refused("select", Fixtures.model, "--keep", "2", "--answer-weight=-1", mentions: ["answer weight", "-1"]),
    refused("select", Fixtures.model, "--keep", "9", "--method", "uniform", mentions: ["0 to 8", "9"]),
    refused("select", Fixtures.model, "--keep", "2", "--method", "guess", mentions: ["guess", "kl-recall", "uniform"]),
    refused("select", Fixtures.model, "--keep", "2", "--method", "given", "--list", "3", mentions: ["--list", "0-7"]),
    refused("generate", Fixtures.model, mentions: ["--prompt"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--tokens", "0", mentions: ["--tokens"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--system", "b", mentions: ["--system", "--chat"]),
    refused("generate", Fixtures.model, "--chat", mentions: ["--prompt", "--messages"]),
    refused(
      "generate", Fixtures.model, "--prompt", "a", "--chat-template", "b", mentions: ["--chat-template", "--chat"]),
    refused("select", Fixtures.model, "--keep", "2", "--text", "-", "--text", "-", mentions: ["--text -", "once"]),
    refused("demo", "--text", "-", mentions: ["files, not standard input"]),
    refused(
      "verify", Fixtures.model, Fixtures.hybrid, "--text", Fixtures.text, "--length", "2000000", mentions: ["1048576"]),
    refused("tokenize", Fixtures.model, mentions: ["--prompt", "--text"]),
    refused("tokenize", Fixtures.model, "--prompt", "a", "--text", "b", mentions: ["--prompt", "--text"]),
    refused("logits", Fixtures.model, "--out", "OUT", mentions: ["--ids", "--prompt"]),
    refused("logits", Fixtures.model, "--ids", "1", mentions: ["--out"]),
  ]

  static let values = [
    refused("convert", Fixtures.model, "OUT", "--keep", "two", mentions: ["--keep", "0,6", "two"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "", mentions: ["--keep", "0,6"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "0,,6", mentions: ["--keep", "0,,6"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "6-2", mentions: ["--keep", "6-2"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "0,8", mentions: ["no such layer", "0 to 7", "8"]),
    refused("convert", Fixtures.model, "OUT", "--keep", "3,3", mentions: ["twice", "3"]),
    refused("convert", Fixtures.hybrid, "OUT", "--keep", "0,3", mentions: ["converted already", "0, 6", "3"]),
    refused(
      "convert", Fixtures.model, "OUT", "--ratio", "0.5", "--select", "guess", mentions: ["guess", "uniform"]),
    refused(
      "convert", Fixtures.model, "OUT", "--keep", "0", "--mixers-from", Fixtures.model,
      mentions: ["recall-llama-6m", "a converted layer 1", "--keep none"]),
    refused(
      "eval", Fixtures.model, "--tasks", "copy,haystack",
      mentions: ["haystack", "recall, needle, multi-hop, variable-tracking, cwe, fwe, copy, ar"]),
    refused("eval", Fixtures.model, "--tasks", "copy,copy", mentions: ["copy twice"]),
    refused(
      "eval", Fixtures.model, "--tasks", "needle", "--size", "copy.words=3", mentions: ["copy.words", "needle.depth"]),
    refused(
      "eval", Fixtures.model, "--tasks", "needle", "--size", "needle.depth=2",
      mentions: ["needle.depth", "from 0 to 1"]),
    refused(
      "eval", Fixtures.model, "--tasks", "needle", "--size", "needle.length=32", mentions: ["needle.length: more than"]),
    refused(
      "eval", Fixtures.model, "--tasks", "copy", "--size", "copy.words=9999",
      mentions: ["different words", "longer list"]),
    refused(
      "eval", Fixtures.model, "--tasks", "recall", "--recall", "8", "--size", "recall.pairs=4",
      mentions: ["recall.pairs twice"]),
    refused("generate", Fixtures.model, "--prompt", "", mentions: ["the prompt is empty"]),
    refused(
      "generate", Fixtures.model, "--prompt", String(repeating: "one ", count: 3000),
      mentions: ["at most 2048 tokens", "shorten"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--temperature=-1", mentions: ["temperature", "-1"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--top-k=-1", mentions: ["top-k", "-1"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--top-p", "0", mentions: ["top-p", "0.0"]),
    refused("generate", Fixtures.model, "--prompt", "a", "--min-p", "2", mentions: ["min-p", "2.0"]),
    refused("logits", Fixtures.model, "--ids", "4096", "--out", "OUT", mentions: ["0 to 4095", "4096"]),
    refused("logits", Fixtures.model, "--ids", "1,x", "--out", "OUT", mentions: ["--ids", "1,x"]),
    refused("logits", Fixtures.model, "--prompt", "", "--out", "OUT", mentions: ["the prompt is empty"]),
    refused("logits", Fixtures.model, "--ids", "0-2048", "--out", "OUT", mentions: ["2048 tokens", "2049 tokens"]),
  ]

  /// A match that could be trained, but for what is said of it.
  private static func training(_ settings: String..., mentions: [String]) -> BadInput {
    BadInput("distill " + settings.joined(separator: " "), status: 2, mentions) { scratch in
      [
        "distill", Fixtures.model, Fixtures.hybrid, scratch.path("out"), "--stage", "match", "--tokens", "64",
        "--text", Fixtures.text,
      ] + settings
    }
  }

  static let training = [
    training("--length", "0", mentions: ["length", "from 1", "0"]),
    training("--batch", "0", mentions: ["batch", "from 1", "0"]),
    training("--rate=-1", mentions: ["mixer_rate", "-1"]),
    training("--rest-rate", "nan", mentions: ["rest_rate: a number"]),
    training("--beta1", "1", mentions: ["beta1", "0.999999"]),
    training("--clip", "nan", mentions: ["clip: not a number"]),
    training("--eval-every", "0", mentions: ["evaluation_interval", "from 1"]),
    training("--patience", "0", mentions: ["evaluations", "from 1"]),
    training("--schedule", "saw", mentions: ["saw", "linear", "wsd"]),
    training("--warmup=-1", mentions: ["warm_up_steps", "-1"]),
    training("--temperature", "0", mentions: ["--temperature"]),
    training("--top-k", "0", mentions: ["1 to 4095", "0"]),
    training("--teacher-cache", "cache", mentions: ["--teacher-cache", "--top-k"]),
    training("--mix", "0.5,0.5", mentions: ["--mix", "each --text"]),
    training("--layers", "0-3", mentions: ["--layers", "align"]),
    training("--dtype", "i8", mentions: ["F32, BF16 or F16", "I8"]),
    training("--save-every=-1", mentions: ["--save-every"]),
    refused(
      "distill", Fixtures.model, Fixtures.model, "OUT", "--stage", "align", "--tokens", "64", "--text", Fixtures.text,
      mentions: ["--keep none"]),
    refused("merge", Fixtures.hybrid, Fixtures.hybrid, "OUT", mentions: ["aligned"]),
  ]
}
