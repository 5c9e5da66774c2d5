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
  /// - Parameters:
  ///   - name: which one, of a model that has several.
  ///   - forTools: whether the conversation has tools, for which a model may have a template of its own.
  /// - Throws: `.chatTemplateMissing`, and what `ChatTemplates` and `ChatTemplate` throw.
  public func chatTemplate(named name: String? = nil, forTools: Bool = false) throws(HybridizeError) -> ChatTemplate {
    try ChatTemplates(in: path).template(named: name, forTools: forTools)
  }
}
