import HybridizeCore

/// Makes statements of a template's tokens. The grammar is Jinja's, with loop controls and transformers' generation
/// blocks.
struct TemplateParser {
  private let tokens: [TemplateToken]
  private var place = 0
  private var nesting = 0
  private let limits: TemplateLimits
  /// Special names mentioned so far in each of the macros around.
  var mentions: [Set<String>] = []
  /// Loops around in the macro that is being read.
  private var loops = 0

  /// - Throws: `.chatTemplateSyntax`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  static func parse(_ source: String, _ limits: TemplateLimits) throws(HybridizeError) -> [TemplateStatement] {
    guard source.utf8.count <= limits.sourceBytes else {
      throw TemplateFault.limit("a template of more than \(limits.sourceBytes) bytes")
    }
    var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source), limits: limits)
    return try parser.statements(until: [])
  }

  private init(tokens: [TemplateToken], limits: TemplateLimits) {
    self.tokens = tokens
    self.limits = limits
  }

  // MARK: Tokens

  var current: TemplateToken { tokens[place] }

  var following: TemplateToken { tokens[min(place + 1, tokens.count - 1)] }

  /// The last token ends the template and is never left.
  mutating func advance() { place = min(place + 1, tokens.count - 1) }

  func isSign(_ sign: String) -> Bool { current.kind == .sign(sign) }

  func isName(_ name: String) -> Bool { current.kind == .name(name) }

  mutating func skip(_ kind: TemplateToken.Kind) -> Bool {
    guard current.kind == kind else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: TemplateToken.Kind) throws(HybridizeError) {
    guard skip(kind) else {
      let expected = TemplateToken(kind: kind, line: 0).description
      throw fault("\(current.description), expected \(expected)")
    }
  }

  mutating func expectName() throws(HybridizeError) -> String {
    guard case .name(let name) = current.kind else { throw fault("\(current.description), expected a name") }
    advance()
    return name
  }

  func fault(_ what: String) -> HybridizeError { TemplateFault.syntax(what, line: current.line) }

  /// Brackets and blocks inside one another are few, so that no source makes the stack overflow.
  mutating func nested<Result>(
    _ read: (inout TemplateParser) throws(HybridizeError) -> Result
  ) throws(HybridizeError) -> Result {
    guard nesting < limits.sourceNesting else {
      throw TemplateFault.limit("more than \(limits.sourceNesting) levels of nesting", line: current.line)
    }
    nesting += 1
    defer { nesting -= 1 }
    return try read(&self)
  }

  // MARK: Statements

  /// Statements up to the tag of one of these names, which is left to read, or to the end.
  private mutating func statements(until ends: [String]) throws(HybridizeError) -> [TemplateStatement] {
    var statements: [TemplateStatement] = []
    while true {
      let line = current.line
      switch current.kind {
      case .data(let text):
        statements.append(TemplateStatement(kind: .text(text), line: line))
        advance()
      case .variableBegin:
        advance()
        statements.append(TemplateStatement(kind: .print(try tuple()), line: line))
        try expect(.variableEnd)
      case .blockBegin:
        advance()
        if case .name(let name) = current.kind, ends.contains(name) { return statements }
        statements += try nested { (parser) throws(HybridizeError) in try parser.statement() }
        try expect(.blockEnd)
      default:
        guard ends.isEmpty else { throw fault("the end of the template, expected \(ends.joined(separator: " or "))") }
        return statements
      }
    }
  }

  /// The body of a block: from the end of its tag to the tag of one of these names.
  private mutating func body(until ends: String...) throws(HybridizeError) -> [TemplateStatement] {
    _ = skip(.sign(":"))
    try expect(.blockEnd)
    return try statements(until: ends)
  }

  private mutating func statement() throws(HybridizeError) -> [TemplateStatement] {
    let line = current.line
    let tag = try expectName()
    let kind: TemplateStatement.Kind
    switch tag {
    case "if": kind = try condition()
    case "for": kind = try loop()
    case "set": kind = try set()
    case "print": return try prints(line)
    case "with": kind = try with()
    case "macro": kind = try macro()
    case "call": kind = try call()
    case "filter":
      let filters = try nested { (parser) throws(HybridizeError) in try parser.filters(first: true) }
      kind = .filter(filters, body: try body(until: "endfilter"))
      advance()
    case "generation":
      kind = .generation(
        body: try function { (parser) throws(HybridizeError) in
          try parser.body(until: "endgeneration")
        })
      advance()
    case "break", "continue":
      guard loops > 0 else { throw fault("'\(tag)' outside a loop") }
      kind = tag == "break" ? .break : .continue
    case "block", "extends", "include", "import", "from", "autoescape":
      throw TemplateFault.unsupported("the tag '\(tag)'", line: line)
    default: throw TemplateFault.syntax("the tag '\(tag)' is not known here", line: line)
    }
    return [TemplateStatement(kind: kind, line: line)]
  }

  private mutating func condition() throws(HybridizeError) -> TemplateStatement.Kind {
    var branches: [(test: TemplateExpression, body: [TemplateStatement])] = []
    while true {
      let test = try tuple(conditional: false)
      branches.append((test, try body(until: "elif", "else", "endif")))
      if skip(.name("elif")) { continue }
      let otherwise = skip(.name("else")) ? try body(until: "endif") : []
      advance()
      return .condition(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(HybridizeError) -> TemplateStatement.Kind {
    let target = try self.target(try tuple(simplified: true, end: "in"))
    guard !target.names.contains("loop") else { throw fault("'loop' cannot be assigned to") }
    try expect(.name("in"))
    let sequence = try tuple(conditional: false, end: "recursive")
    let test = skip(.name("if")) ? try expression() : nil
    if isName("recursive") { throw TemplateFault.unsupported("a recursive loop", line: current.line) }
    loops += 1
    let body = try self.body(until: "endfor", "else")
    loops -= 1
    let otherwise = skip(.name("else")) ? try self.body(until: "endfor") : []
    advance()
    return .loop(
      TemplateLoopSyntax(target: target, sequence: sequence, test: test, body: body, otherwise: otherwise))
  }

  private mutating func set() throws(HybridizeError) -> TemplateStatement.Kind {
    let target = try self.target(try tuple(simplified: true, namespaces: true))
    guard loops == 0 || !target.names.contains("loop") else { throw fault("'loop' cannot be assigned to") }
    if skip(.sign("=")) { return .set(target, try tuple()) }
    let filters = try nested { (parser) throws(HybridizeError) in try parser.filters() }
    let body = try self.body(until: "endset")
    advance()
    return .setBlock(target, filters: filters, body: body)
  }

  private mutating func prints(_ line: Int) throws(HybridizeError) -> [TemplateStatement] {
    var statements: [TemplateStatement] = []
    while current.kind != .blockEnd {
      if !statements.isEmpty { try expect(.sign(",")) }
      statements.append(TemplateStatement(kind: .print(try expression()), line: line))
    }
    return statements
  }

  private mutating func with() throws(HybridizeError) -> TemplateStatement.Kind {
    var assignments: [(target: TemplateTarget, value: TemplateExpression)] = []
    while current.kind != .blockEnd {
      if !assignments.isEmpty { try expect(.sign(",")) }
      let target = try self.target(try tuple(simplified: true))
      try expect(.sign("="))
      assignments.append((target, try expression()))
    }
    let body = try self.body(until: "endwith")
    advance()
    return .with(assignments, body: body)
  }

  // MARK: Macros

  private mutating func macro() throws(HybridizeError) -> TemplateStatement.Kind {
    let name = try expectName()
    try checkAssignable(name)
    var syntax = try macroSyntax(until: "endmacro") { (parser, syntax) throws(HybridizeError) in
      try parser.signature(&syntax)
    }
    syntax.name = name
    return .macro(syntax)
  }

  private mutating func call() throws(HybridizeError) -> TemplateStatement.Kind {
    var call: TemplateExpression?
    let line = current.line
    let syntax = try macroSyntax(until: "endcall") { (parser, syntax) throws(HybridizeError) in
      if parser.isSign("(") { try parser.signature(&syntax) }
      call = try parser.expression()
    }
    guard let call, case .postfix(_, let postfixes) = call.kind, case .call? = postfixes.last?.kind else {
      throw TemplateFault.syntax("a call block without a call", line: line)
    }
    return .call(call, syntax)
  }

  private mutating func macroSyntax(
    until end: String, _ head: (inout TemplateParser, inout TemplateMacroSyntax) throws(HybridizeError) -> Void
  ) throws(HybridizeError) -> TemplateMacroSyntax {
    var syntax = TemplateMacroSyntax()
    try head(&self, &syntax)
    mentions.append([])
    syntax.body = try function { (parser) throws(HybridizeError) in try parser.body(until: end) }
    advance()
    syntax.mentions = mentions.removeLast()
    // What a macro inside mentions, the macro around mentions too.
    if !mentions.isEmpty { mentions[mentions.count - 1].formUnion(syntax.mentions) }
    if syntax.mentions.contains("caller"), let index = syntax.parameters.firstIndex(of: "caller"),
      index < syntax.parameters.count - syntax.defaults.count
    {
      throw fault("the parameter 'caller' needs a default")
    }
    return syntax
  }

  /// Loops end at a function, which cannot break out of them.
  private mutating func function<Result>(
    _ read: (inout TemplateParser) throws(HybridizeError) -> Result
  ) throws(HybridizeError) -> Result {
    let outer = loops
    loops = 0
    defer { loops = outer }
    return try read(&self)
  }

  private mutating func signature(_ syntax: inout TemplateMacroSyntax) throws(HybridizeError) {
    try expect(.sign("("))
    while !isSign(")") {
      if !syntax.parameters.isEmpty { try expect(.sign(",")) }
      let name = try expectName()
      try checkAssignable(name)
      guard !syntax.parameters.contains(name) else { throw fault("the parameter '\(name)' stands twice") }
      syntax.parameters.append(name)
      if skip(.sign("=")) {
        syntax.defaults.append(try expression())
      } else if !syntax.defaults.isEmpty {
        throw fault("a parameter without a default after one that has one")
      }
    }
    advance()
  }

  // MARK: Targets

  private func checkAssignable(_ name: String) throws(HybridizeError) {
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      throw fault("'\(name)' cannot be assigned to")
    }
  }

  private func target(_ expression: TemplateExpression) throws(HybridizeError) -> TemplateTarget {
    switch expression.kind {
    case .name(let name): return .name(name)
    case .namespaceAttribute(let name, let attribute): return .namespace(name, attribute: attribute)
    case .tuple(let parts):
      var targets: [TemplateTarget] = []
      for part in parts { targets.append(try target(part)) }
      return .tuple(targets)
    default: throw TemplateFault.syntax("an expression that cannot be assigned to", line: expression.line)
    }
  }
}

extension TemplateTarget {
  /// Names of variables that are assigned to.
  var names: [String] {
    switch self {
    case .name(let name): [name]
    case .namespace: []
    case .tuple(let targets): targets.flatMap(\.names)
    }
  }
}
