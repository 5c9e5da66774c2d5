/// A piece of a template's source.
struct TemplateToken: Sendable {
  enum Kind: Sendable, Equatable {
    /// Text between tags.
    case data(String)
    case blockBegin, blockEnd, variableBegin, variableEnd
    case name(String)
    case string(String)
    case integer(Int)
    case float(Double)
    /// An operator or a bracket.
    case sign(String)
    case end
  }

  let kind: Kind
  let line: Int

  /// For messages.
  var description: String {
    switch kind {
    case .data: "text"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    case .variableBegin: "'{{'"
    case .variableEnd: "'}}'"
    case .name(let name): "'\(name)'"
    case .string: "a string"
    case .integer(let value): "'\(value)'"
    case .float(let value): "'\(value)'"
    case .sign(let sign): "'\(sign)'"
    case .end: "the end of the template"
    }
  }
}
