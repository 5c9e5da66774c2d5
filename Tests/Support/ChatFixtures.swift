import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// The templates of fixtures/chat-templates, and what scripts/make_chat_templates.py had transformers make of them.
package enum ChatFixtures {
  /// What rendering ends in.
  package enum Outcome: Sendable, Equatable {
    case text(String)
    /// `raise_exception` with its words.
    case refused(String)
    /// An error of Jinja's or of Python's.
    case failed

    init(_ object: JSONObject) {
      if let text = object["text"]?.stringValue {
        self = .text(text)
      } else if let message = object["refused"]?.stringValue {
        self = .refused(message)
      } else {
        self = .failed
      }
    }

    /// What `render` ends in; an error that is none of a template's is thrown on.
    package init(_ render: () throws(HybridizeError) -> String) throws(HybridizeError) {
      do throws(HybridizeError) {
        self = .text(try render())
      } catch {
        switch error.problem {
        // The line comes before the template's words.
        case .chatTemplateRefused:
          let words = error.found ?? ""
          self = .refused(String(words[(words.firstRange(of: ": ")?.upperBound ?? words.endIndex)...]))
        case .chatTemplateFailed, .chatTemplateSyntax, .chatTemplateUnsupported, .chatTemplateLimit: self = .failed
        default: throw error
        }
      }
    }
  }

  package struct Snippet: Sendable {
    package let template: String
    package let context: JSONObject
    package let outcome: Outcome
  }

  /// The day of the script's clock.
  package static let date = CalendarDate(
    year: 2024, month: 7, day: 26, hour: 9, minute: 5, second: 3, microsecond: 42)
  /// The special tokens of the script's tokenizer.
  package static let specialTokens: JSONObject = ["bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"]
    .reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) }

  package static func read(_ name: String) throws -> JSONValue {
    try JSONCursor.parse(FileSystem.read(Fixtures.path("chat-templates/" + name), limit: 1 << 24))
  }

  package static func templates() throws -> [(name: String, source: String)] {
    let folder = Fixtures.path("chat-templates/templates")
    return try FileSystem.list(folder).sorted().map { name in
      (
        String(name.dropLast(6)),
        String(decoding: try FileSystem.read(folder + "/" + name, limit: 1 << 20), as: UTF8.self)
      )
    }
  }

  package static func snippets() throws -> [Snippet] {
    try (read("snippets.json").arrayValue ?? []).compactMap(\.objectValue).map { row in
      Snippet(
        template: row["template"]?.stringValue ?? "", context: row["context"]?.objectValue ?? [:], outcome: Outcome(row)
      )
    }
  }

  /// The outcome of each template and conversation.
  package static func outcome(_ template: String, _ conversation: String, in renderings: JSONValue) -> Outcome? {
    renderings[template, conversation]?.objectValue.map { Outcome($0) }
  }
}
