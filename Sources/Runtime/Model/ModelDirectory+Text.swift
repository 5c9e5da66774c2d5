import HybridizeCore
import HybridizeFormats

extension ModelDirectory {
  /// The tokenizer beside the weights.
  ///
  /// - Throws: `.tokenizerMissing`, and what `Tokenizer` throws.
  public func tokenizer() throws(HybridizeError) -> Tokenizer {
    let tokenizer = try Self.tokenizer(at: path)
    return addsSpecialTokens ? tokenizer : try tokenizer.withoutSpecialTokens()
  }

  /// The tokenizer of a model's directory: tokenizer.json, or SentencePiece's tokenizer.model, or vocab.json with merges.txt,
  /// whichever is there first; or one of the first two by its path.
  ///
  /// - Throws: `.tokenizerMissing`, and what `Tokenizer` throws.
  public static func tokenizer(at path: String) throws(HybridizeError) -> Tokenizer {
    guard FileSystem.isDirectory(path) else { return try tokenizer(file: path, beside: FileSystem.directory(of: path)) }
    for name in ["tokenizer.json", "tokenizer.model"] {
      let file = FileSystem.join(path, name)
      if FileSystem.exists(file) { return try tokenizer(file: file, beside: path) }
    }
    let (vocabulary, merges) = (FileSystem.join(path, "vocab.json"), FileSystem.join(path, "merges.txt"))
    guard FileSystem.exists(vocabulary), FileSystem.exists(merges) else {
      let other = ["tekken.json", "spiece.model", "vocab.txt"].first { FileSystem.exists(FileSystem.join(path, $0)) }
      throw HybridizeError(
        .tokenizerMissing, file: path, expected: "tokenizer.json, tokenizer.model, or vocab.json with merges.txt",
        found: other ?? "none of them",
        remedy: "fetch it from where the model is published, or save it: "
          + "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)")
    }
    let text = try FileSystem.read(merges, limit: 1 << 28)
    guard let text = String(validating: text, as: UTF8.self) else { throw HybridizeError(.invalidUTF8, file: merges) }
    let value = try readJSON(vocabulary)
    let configuration = try textConfiguration(path)
    let type = try? readJSON(FileSystem.join(path, "config.json")).objectValue?["model_type"]?.stringValue
    do throws(HybridizeError) {
      return try Tokenizer(vocabulary: value, merges: text, configuration: configuration, modelType: type)
    } catch { throw error.inFile(vocabulary) }
  }

  private static func tokenizer(file: String, beside directory: String) throws(HybridizeError) -> Tokenizer {
    let bytes = try FileSystem.read(file, limit: 1 << 28)
    let isModel = file.hasSuffix(".model") || (!file.hasSuffix(".json") && bytes.first == 0x0A)
    do throws(HybridizeError) {
      guard isModel else { return try Tokenizer(json: bytes) }
      return try Tokenizer(sentencePiece: bytes, configuration: try textConfiguration(directory))
    } catch { throw error.inFile(file) }
  }

  /// The token that tokenizer_config.json calls `eos_token`, by its text or as an object with it.
  func textEndTokens() throws(HybridizeError) -> [Int] {
    let value = try Self.textConfiguration(path)?["eos_token"]
    guard let text = value?.stringValue ?? value?.objectValue?["content"]?.stringValue else { return [] }
    return try tokenizer().id(of: text).map { [$0] } ?? []
  }

  /// tokenizer_config.json of a directory, if there is one.
  private static func textConfiguration(_ directory: String) throws(HybridizeError) -> JSONObject? {
    let file = FileSystem.join(directory, "tokenizer_config.json")
    return FileSystem.exists(file) ? try readJSON(file).objectValue : nil
  }

  /// The template by which the model's chats are written.
  ///
  /// - Parameters:
  ///   - name: which one, of a model that has several.
  ///   - forTools: whether the conversation has tools, for which a model may have a template of its own.
  /// - Throws: `.chatTemplateMissing`, and what `ChatTemplates` and `ChatTemplate` throw.
  public func chatTemplate(named name: String? = nil, forTools: Bool = false) throws(HybridizeError) -> ChatTemplate {
    try ChatTemplates(in: path).template(named: name, forTools: forTools)
  }
}

extension Problem {
  public static let tokenizerMissing = Problem(
    "tokenizerMissing", .inputFile, "there is no tokenizer that can be read")
}
