import HybridizeCore

/// A document of a text, or a stretch of one, not parsed or checked yet.
package struct TextPiece: Sendable {
  package let bytes: [UInt8]
  /// Whether a document begins with it.
  package let beginsDocument: Bool
  /// Whether a document ends with it.
  package let endsDocument: Bool
  package let form: TextForm
  let key: String
  let path: String
  /// The number of its first line.
  let line: Int

  /// The text of the piece.
  ///
  /// - Throws: `.invalidUTF8`, `.notADocument`, JSON problems, with the number of the line.
  package func text() throws(HybridizeError) -> String {
    switch form {
    case .plain: try plainText()
    case .lines, .values: try located { () throws(HybridizeError) in try document() }
    }
  }

  /// Does something with the piece, and puts its place into an error that names no file.
  package func located<Result>(_ body: () throws(HybridizeError) -> Result) throws(HybridizeError) -> Result {
    do throws(HybridizeError) { return try body() } catch { throw error.inFile(Self.place(path, line)) }
  }

  private func plainText() throws(HybridizeError) -> String {
    do {
      return String(copying: try UTF8Span(validating: bytes.span))
    } catch {
      let bad = error.byteOffsets.lowerBound
      let lines = bytes[..<bad].count { $0 == UInt8(ascii: "\n") }
      throw HybridizeError(.invalidUTF8, file: Self.place(path, line + lines), remedy: Self.encodingRemedy)
    }
  }

  // MARK: JSON

  private func document() throws(HybridizeError) -> String {
    let value: JSONValue
    do throws(HybridizeError) {
      value = try JSONCursor.parse(bytes)
    } catch {
      var error = error
      error.remedy = error.remedy ?? syntaxRemedy(error.problem)
      throw error
    }
    if form == .values, let text = value.stringValue { return text }
    guard let object = value.objectValue else {
      throw HybridizeError(
        .notADocument, expected: "an object with a string \(quoted(key))", found: Self.clipped(value.kind),
        remedy: syntaxRemedy(.notADocument))
    }
    guard let text = object[key]?.stringValue else { throw noText(object) }
    return text
  }

  private func noText(_ object: JSONObject) -> HybridizeError {
    let expected = "a string \(quoted(key))"
    let chats = ["messages", "conversations", "conversation", "chat"]
    let chat = ([key] + chats).first { object[$0]?.arrayValue != nil }
    let strings = object.members.filter { $0.value.stringValue != nil }.map(\.key)
    var remedy = "say with --text-key which of them has the text"
    if let chat {
      remedy =
        "chats are written out with the model's template first: row['\(Self.clipped(key))'] = "
        + "tokenizer.apply_chat_template(row['\(Self.clipped(chat))'], tokenize=False)"
    } else if let first = strings.first(where: { ["content", "document", "body", "completion"].contains($0) })
      ?? strings.first
    {
      remedy += ", for instance --text-key \(Self.clipped(first))"
    } else if object[key]?.objectValue != nil {
      remedy = "write a document a line: to_json(…, orient='records', lines=True)"
    }
    if let value = object[key] {
      return HybridizeError(.notADocument, expected: expected, found: Self.clipped(value.kind), remedy: remedy)
    }
    return HybridizeError(.notADocument, expected: expected, found: Self.keys(object), remedy: remedy)
  }

  /// Some of its keys, as one may have a million.
  private static func keys(_ object: JSONObject) -> String {
    let names = object.members.prefix(8).map { "\"\(clipped($0.key))\"" }
    guard !names.isEmpty else { return "an empty object" }
    let rest = object.members.count - names.count
    return "the keys \(names.joined(separator: ", "))" + (rest > 0 ? " and \(rest) more" : "")
  }

  private func quoted(_ key: String) -> String { "\"\(Self.clipped(key))\"" }

  private static func clipped(_ key: String) -> String { key.count > 40 ? key.prefix(40) + "…" : key }

  private func syntaxRemedy(_ problem: Problem) -> String? {
    switch problem {
    case .invalidUTF8: Self.encodingRemedy
    case .jsonSyntax, .notADocument:
      form == .values
        ? nil
        : bytes.first == UInt8(ascii: "[")
          ? "a file that is one array is read if it is named .json"
          : "a .jsonl file has one object on each line: jq -c . FILE > OUT makes it so; a plain text is named .txt"
    case .jsonLoneSurrogate: "mend the text where the file is made: half a character cannot be encoded"
    default: nil
    }
  }

  private static let encodingRemedy = "iconv -f WINDOWS-1252 -t UTF-8 FILE > OUT, if that is what it is"

  static func place(_ path: String, _ line: Int) -> String { "\(path), line \(line)" }
}

extension Problem {
  public static let notADocument = Problem("notADocument", .inputFile, "a line is not a document")
}
