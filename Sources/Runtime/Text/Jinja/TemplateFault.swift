import HybridizeCore

/// What can be wrong with a chat template, as the one error of this package.
enum TemplateFault {
  /// The template is no Jinja.
  static func syntax(_ what: String, line: Int) -> HybridizeError {
    HybridizeError(.chatTemplateSyntax, found: "line \(line): \(what)", remedy: remedy)
  }

  /// A construct of Jinja or of Python that is not computed here. Lines of what runs are added by the interpreter.
  static func unsupported(_ what: String, line: Int? = nil) -> HybridizeError {
    HybridizeError(.chatTemplateUnsupported, found: line.map { "line \($0): \(what)" } ?? what, remedy: remedy)
  }

  /// What Jinja would stop at as well: an attribute of what is not defined, a wrong type, a wrong argument.
  static func failed(_ what: String) -> HybridizeError { HybridizeError(.chatTemplateFailed, found: what) }

  static func limit(_ what: String, line: Int? = nil) -> HybridizeError {
    HybridizeError(.chatTemplateLimit, found: line.map { "line \($0): \(what)" } ?? what, remedy: remedy)
  }

  private static let remedy = "write the conversation into --prompt as the model expects it, without --chat"
}

extension Problem {
  public static let chatTemplateUnsupported = Problem(
    "chatTemplateUnsupported", .inputFile, "the model's chat template uses what is not computed here")
  public static let chatTemplateMissing = Problem(
    "chatTemplateMissing", .inputFile, "the model has no chat template")
  public static let chatTemplateSyntax = Problem(
    "chatTemplateSyntax", .inputFile, "the model's chat template is not valid")
  public static let chatTemplateFailed = Problem(
    "chatTemplateFailed", .inputFile, "the model's chat template fails on this conversation")
  public static let chatTemplateRefused = Problem(
    "chatTemplateRefused", .inputFile, "the model's chat template refuses this conversation")
  public static let chatTemplateLimit = Problem(
    "chatTemplateLimit", .inputFile, "the model's chat template asks for more than is allowed")
}
