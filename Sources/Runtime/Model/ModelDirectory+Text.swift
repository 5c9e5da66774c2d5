import HybridizeCore
import HybridizeFormats

extension ModelDirectory {
  /// The tokenizer beside the weights.
  ///
  /// - Throws: `.unreadable`, and what `Tokenizer` throws.
  public func tokenizer() throws(HybridizeError) -> Tokenizer { try Self.tokenizer(at: path) }

  /// The tokenizer of a model, or of a tokenizer.json by itself.
  public static func tokenizer(at path: String) throws(HybridizeError) -> Tokenizer {
    let file = FileSystem.isDirectory(path) ? FileSystem.join(path, "tokenizer.json") : path
    let bytes = try FileSystem.read(file, limit: 1 << 28)
    do throws(HybridizeError) { return try Tokenizer(json: bytes) } catch { throw error.inFile(file) }
  }

  /// The template by which the model's chats are written.
  ///
  /// - Throws: `.chatTemplateMissing`, `.chatTemplateUnsupported`.
  public func chatTemplate() throws(HybridizeError) -> ChatTemplate {
    let file = FileSystem.join(path, "tokenizer_config.json")
    guard FileSystem.exists(file), let object = try Self.readJSON(file).objectValue,
      let template = object["chat_template"]?.stringValue
    else {
      throw HybridizeError(
        .chatTemplateMissing, file: file, expected: "chat_template: a string", remedy: "leave --chat out")
    }
    do throws(HybridizeError) { return try ChatTemplate(template) } catch { throw error.inFile(file) }
  }
}
