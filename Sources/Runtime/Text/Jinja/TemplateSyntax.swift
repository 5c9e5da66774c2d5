/// An expression of a template. What stands in a row (`a + b - c`, `a.b[0](c)|d`) is one node, so that the depth of the
/// tree is that of the brackets.
struct TemplateExpression: Sendable {
  enum Kind: Sendable {
    case literal(TemplateLiteral)
    case name(String)
    case tuple([TemplateExpression])
    case list([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    /// Attributes, elements, calls, filters and tests, from left to right.
    case postfix([TemplateExpression], [TemplatePostfix])
    /// Operators of one rank, from left to right.
    case chain([TemplateExpression], [String])
    /// `a ~ b ~ c`
    case concatenation([TemplateExpression])
    /// `a < b <= c`, `a not in b`
    case comparison([TemplateExpression], [String])
    case conjunction([TemplateExpression])
    case disjunction([TemplateExpression])
    case not([TemplateExpression])
    case signed(negative: Bool, [TemplateExpression])
    /// The value, the condition and the value otherwise, if there is one.
    case conditional([TemplateExpression])
    /// `ns.name` where something is assigned to it.
    case namespaceAttribute(String, String)
  }

  let kind: Kind
  let line: Int
}

enum TemplateLiteral: Sendable {
  case none
  case boolean(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
}

/// What follows a value.
struct TemplatePostfix: Sendable {
  enum Kind: Sendable {
    case attribute(String)
    case element(TemplateExpression)
    case slice(from: TemplateExpression?, to: TemplateExpression?, step: TemplateExpression?)
    case call(TemplateCall)
    case filter(String, TemplateCall)
    case test(String, TemplateCall, negated: Bool)
  }

  let kind: Kind
  let line: Int
}

/// The arguments of a call as they are written.
struct TemplateCall: Sendable {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
  /// `*list` and `**dictionary`
  var list: TemplateExpression?
  var dictionary: TemplateExpression?
}

/// What a value is assigned to.
indirect enum TemplateTarget: Sendable {
  case name(String)
  case namespace(String, attribute: String)
  case tuple([TemplateTarget])

  /// Names of namespaces that are assigned to.
  var namespaces: [String] {
    switch self {
    case .name: []
    case .namespace(let name, _): [name]
    case .tuple(let targets): targets.flatMap(\.namespaces)
    }
  }
}

struct TemplateStatement: Sendable {
  indirect enum Kind: Sendable {
    case text(String)
    case print(TemplateExpression)
    case condition([(test: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
    case loop(TemplateLoopSyntax)
    case set(TemplateTarget, TemplateExpression)
    case setBlock(TemplateTarget, filters: [TemplatePostfix], body: [TemplateStatement])
    case with([(target: TemplateTarget, value: TemplateExpression)], body: [TemplateStatement])
    case macro(TemplateMacroSyntax)
    /// The call with the body as its `caller`.
    case call(TemplateExpression, TemplateMacroSyntax)
    case filter([TemplatePostfix], body: [TemplateStatement])
    /// What the assistant says, which transformers marks for training.
    case generation(body: [TemplateStatement])
    case `break`
    case `continue`
  }

  let kind: Kind
  let line: Int
}

struct TemplateLoopSyntax: Sendable {
  let target: TemplateTarget
  let sequence: TemplateExpression
  let test: TemplateExpression?
  let body: [TemplateStatement]
  let otherwise: [TemplateStatement]
}

struct TemplateMacroSyntax: Sendable {
  /// `nil` for the body of a call block.
  var name: String?
  var parameters: [String] = []
  /// Values of the last parameters.
  var defaults: [TemplateExpression] = []
  var body: [TemplateStatement] = []
  /// Which of the special names `caller`, `kwargs` and `varargs` the body mentions.
  var mentions: Set<String> = []
}
