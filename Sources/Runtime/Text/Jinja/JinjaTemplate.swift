import HybridizeCore

/// A template of Jinja, as far as chat templates go, in the environment that transformers gives them.
///
/// Nothing of it touches anything outside, and what it may cost is bounded: see `TemplateLimits`.
package struct JinjaTemplate: Sendable {
  private let statements: [TemplateStatement]
  private let limits: TemplateLimits

  /// - Throws: `.chatTemplateSyntax`, `.chatTemplateUnsupported`, `.chatTemplateLimit`; each names the line.
  package init(_ source: String, limits: TemplateLimits = TemplateLimits()) throws(HybridizeError) {
    statements = try TemplateParser.parse(source, limits)
    self.limits = limits
  }

  /// The text with these variables.
  ///
  /// - Parameter date: what `strftime_now` takes for now.
  /// - Throws: `.chatTemplateRefused` with the template's own message, `.chatTemplateFailed`, `.chatTemplateUnsupported`,
  ///   `.chatTemplateLimit`; each names the line.
  package func render(_ variables: JSONObject, date: CalendarDate) throws(HybridizeError) -> String {
    try TemplateInterpreter(limits, date: date).render(statements, variables)
  }
}
