import HybridizeCore

/// Expressions, from those that bind least to those that bind most.
extension TemplateParser {
  /// An expression, or several with commas between them.
  ///
  /// - Parameters:
  ///   - simplified: only names and values, as they stand to the left of `in` and `=`.
  ///   - conditional: whether `a if b` may stand here.
  ///   - end: a name that ends it.
  ///   - isBracketed: whether it stands in round brackets, where it may be empty.
  mutating func tuple(
    simplified: Bool = false, conditional: Bool = true, end: String? = nil, isBracketed: Bool = false,
    namespaces: Bool = false
  ) throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts: [TemplateExpression] = []
    var isTuple = false
    while true {
      if !parts.isEmpty { try expect(.sign(",")) }
      if isTupleEnd(end) { break }
      parts.append(
        try nested { (parser) throws(HybridizeError) in
          simplified
            ? try parser.primary(namespaces: namespaces) : try parser.expression(conditional: conditional)
        })
      guard isSign(",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let part = parts.first { return part }
      guard isBracketed else { throw fault("\(current.description), expected an expression") }
    }
    return TemplateExpression(kind: .tuple(parts), line: line)
  }

  private func isTupleEnd(_ end: String?) -> Bool {
    switch current.kind {
    case .variableEnd, .blockEnd, .sign(")"): true
    case .name(let name): name == end
    default: false
    }
  }

  mutating func expression(conditional: Bool = true) throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var value = try disjunction()
    while conditional, skip(.name("if")) {
      var parts = [value, try disjunction()]
      if skip(.name("else")) {
        parts.append(try nested { (parser) throws(HybridizeError) in try parser.expression() })
      }
      value = TemplateExpression(kind: .conditional(parts), line: line)
      // It would be a tree as deep as it is long.
      if isName("if") { throw TemplateFault.unsupported("'if' after 'if' without an 'else'", line: current.line) }
    }
    return value
  }

  private mutating func disjunction() throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts = [try conjunction()]
    while skip(.name("or")) { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : TemplateExpression(kind: .disjunction(parts), line: line)
  }

  private mutating func conjunction() throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts = [try negation()]
    while skip(.name("and")) { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : TemplateExpression(kind: .conjunction(parts), line: line)
  }

  private mutating func negation() throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    guard skip(.name("not")) else { return try comparison() }
    let value = try nested { (parser) throws(HybridizeError) in try parser.negation() }
    return TemplateExpression(kind: .not([value]), line: line)
  }

  private static let comparisons: Set = ["==", "!=", "<", "<=", ">", ">="]

  private mutating func comparison() throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts = [try sum()]
    var operators: [String] = []
    while true {
      if case .sign(let sign) = current.kind, Self.comparisons.contains(sign) {
        advance()
        operators.append(sign)
      } else if skip(.name("in")) {
        operators.append("in")
      } else if isName("not"), following.kind == .name("in") {
        advance()
        advance()
        operators.append("not in")
      } else {
        break
      }
      parts.append(try sum())
    }
    return parts.count == 1 ? parts[0] : TemplateExpression(kind: .comparison(parts, operators), line: line)
  }

  private mutating func sum() throws(HybridizeError) -> TemplateExpression {
    try chain(["+", "-"]) { (parser) throws(HybridizeError) in try parser.concatenation() }
  }

  private mutating func concatenation() throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts = [try product()]
    while skip(.sign("~")) { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : TemplateExpression(kind: .concatenation(parts), line: line)
  }

  private mutating func product() throws(HybridizeError) -> TemplateExpression {
    try chain(["*", "/", "//", "%"]) { (parser) throws(HybridizeError) in try parser.power() }
  }

  /// To the left, unlike Python's.
  private mutating func power() throws(HybridizeError) -> TemplateExpression {
    try chain(["**"]) { (parser) throws(HybridizeError) in try parser.unary() }
  }

  private mutating func chain(
    _ signs: Set<String>, _ part: (inout TemplateParser) throws(HybridizeError) -> TemplateExpression
  ) throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    var parts = [try part(&self)]
    var operators: [String] = []
    while case .sign(let sign) = current.kind, signs.contains(sign) {
      advance()
      operators.append(sign)
      parts.append(try part(&self))
    }
    return parts.count == 1 ? parts[0] : TemplateExpression(kind: .chain(parts, operators), line: line)
  }

  private mutating func unary(filtered: Bool = true) throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    let value: TemplateExpression
    if isSign("-") || isSign("+") {
      let negative = isSign("-")
      advance()
      let operand = try nested { (parser) throws(HybridizeError) in try parser.unary(filtered: false) }
      value = TemplateExpression(kind: .signed(negative: negative, [operand]), line: line)
    } else {
      value = try primary()
    }
    var postfixes = try self.postfixes()
    if filtered { postfixes += try filtersAndTests() }
    return postfixes.isEmpty ? value : TemplateExpression(kind: .postfix([value], postfixes), line: line)
  }

  // MARK: Values

  mutating func primary(namespaces: Bool = false) throws(HybridizeError) -> TemplateExpression {
    let line = current.line
    let kind: TemplateExpression.Kind
    switch current.kind {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": kind = .literal(.boolean(true))
      case "false", "False": kind = .literal(.boolean(false))
      case "none", "None": kind = .literal(.none)
      default:
        if namespaces, skip(.sign(".")) {
          kind = .namespaceAttribute(name, try expectName())
        } else {
          kind = .name(name)
          if !mentions.isEmpty, ["caller", "kwargs", "varargs"].contains(name) {
            mentions[mentions.count - 1].insert(name)
          }
        }
      }
    case .string(var text):
      advance()
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      kind = .literal(.string(text))
    case .integer(let value):
      advance()
      kind = .literal(.integer(value))
    case .float(let value):
      advance()
      kind = .literal(.float(value))
    case .sign("("):
      advance()
      let value = try tuple(isBracketed: true)
      try expect(.sign(")"))
      return value
    case .sign("["):
      advance()
      kind = .list(try elements(until: "]") { (parser) throws(HybridizeError) in try parser.expression() })
    case .sign("{"):
      advance()
      kind = .dictionary(
        try elements(until: "}") { (parser) throws(HybridizeError) in
          let key = try parser.expression()
          try parser.expect(.sign(":"))
          return (key, try parser.expression())
        })
    default: throw fault("\(current.description), expected an expression")
    }
    return TemplateExpression(kind: kind, line: line)
  }

  /// What stands between commas up to a closing bracket, which is read as well.
  private mutating func elements<Element>(
    until end: String, _ element: (inout TemplateParser) throws(HybridizeError) -> Element
  ) throws(HybridizeError) -> [Element] {
    var elements: [Element] = []
    while !isSign(end) {
      if !elements.isEmpty { try expect(.sign(",")) }
      if isSign(end) { break }
      elements.append(try nested(element))
    }
    advance()
    return elements
  }

  // MARK: What follows a value

  private mutating func postfixes() throws(HybridizeError) -> [TemplatePostfix] {
    var postfixes: [TemplatePostfix] = []
    while true {
      let line = current.line
      if skip(.sign(".")) {
        postfixes.append(TemplatePostfix(kind: try attribute(), line: line))
      } else if skip(.sign("[")) {
        postfixes.append(
          TemplatePostfix(kind: try nested { (parser) throws(HybridizeError) in try parser.subscripted() }, line: line))
      } else if isSign("(") {
        postfixes.append(TemplatePostfix(kind: .call(try arguments()), line: line))
      } else {
        return postfixes
      }
    }
  }

  private mutating func attribute() throws(HybridizeError) -> TemplatePostfix.Kind {
    defer { advance() }
    switch current.kind {
    case .name(let name): return .attribute(name)
    case .integer(let index):
      return .element(TemplateExpression(kind: .literal(.integer(index)), line: current.line))
    default: throw fault("\(current.description), expected a name or a number")
    }
  }

  private mutating func subscripted() throws(HybridizeError) -> TemplatePostfix.Kind {
    // An empty subscript is the empty tuple.
    if isSign("]") {
      let empty = TemplateExpression(kind: .tuple([]), line: current.line)
      advance()
      return .element(empty)
    }
    let first = isSign(":") ? nil : try expression()
    let kind: TemplatePostfix.Kind
    if skip(.sign(":")) {
      let to = isSign(":") || isSign("]") ? nil : try expression()
      let step = skip(.sign(":")) && !isSign("]") ? try expression() : nil
      kind = .slice(from: first, to: to, step: step)
    } else if let first {
      kind = .element(first)
    } else {
      throw fault("\(current.description), expected an expression")
    }
    if isSign(",") { throw TemplateFault.unsupported("a subscript of several parts", line: current.line) }
    try expect(.sign("]"))
    return kind
  }

  /// `|filter`s, `is test`s, and calls of what they give.
  private mutating func filtersAndTests() throws(HybridizeError) -> [TemplatePostfix] {
    var postfixes: [TemplatePostfix] = []
    while true {
      let line = current.line
      if isSign("|") {
        postfixes += try filters()
      } else if skip(.name("is")) {
        postfixes.append(TemplatePostfix(kind: try test(), line: line))
      } else if isSign("(") {
        postfixes.append(TemplatePostfix(kind: .call(try arguments()), line: line))
      } else {
        return postfixes
      }
    }
  }

  /// - Parameter first: whether the first one stands without `|`.
  mutating func filters(first: Bool = false) throws(HybridizeError) -> [TemplatePostfix] {
    var filters: [TemplatePostfix] = []
    while first && filters.isEmpty || skip(.sign("|")) {
      let line = current.line
      let name = try dottedName()
      let call = isSign("(") ? try arguments() : TemplateCall()
      filters.append(TemplatePostfix(kind: .filter(name, call), line: line))
    }
    return filters
  }

  private mutating func dottedName() throws(HybridizeError) -> String {
    var name = try expectName()
    while skip(.sign(".")) { name += "." + (try expectName()) }
    return name
  }

  private mutating func test() throws(HybridizeError) -> TemplatePostfix.Kind {
    let negated = skip(.name("not"))
    let name = try dottedName()
    var call = TemplateCall()
    switch current.kind {
    case .sign("("): call = try arguments()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw fault("a test of a test")
    case .name, .string, .integer, .float, .sign("["), .sign("{"):
      call.positional = [
        try nested { (parser) throws(HybridizeError) in
          let line = parser.current.line
          let value = try parser.primary()
          let postfixes = try parser.postfixes()
          return postfixes.isEmpty ? value : TemplateExpression(kind: .postfix([value], postfixes), line: line)
        }
      ]
    default: break
    }
    return .test(name, call, negated: negated)
  }

  private mutating func arguments() throws(HybridizeError) -> TemplateCall {
    try expect(.sign("("))
    var call = TemplateCall()
    var isFirst = true
    while !isSign(")") {
      if !isFirst { try expect(.sign(",")) }
      if isSign(")") { break }
      isFirst = false
      try nested { (parser) throws(HybridizeError) in try parser.argument(&call) }
    }
    advance()
    return call
  }

  private mutating func argument(_ call: inout TemplateCall) throws(HybridizeError) {
    if skip(.sign("*")) {
      guard call.list == nil, call.dictionary == nil else { throw fault("a second list of arguments") }
      call.list = try expression()
    } else if skip(.sign("**")) {
      guard call.dictionary == nil else { throw fault("a second dictionary of arguments") }
      call.dictionary = try expression()
    } else if case .name(let name) = current.kind, following.kind == .sign("=") {
      guard call.dictionary == nil else { throw fault("a named argument after a dictionary of them") }
      guard !call.named.contains(where: { $0.name == name }) else { throw fault("the argument '\(name)' stands twice") }
      advance()
      advance()
      call.named.append((name, try expression()))
    } else {
      guard call.list == nil, call.dictionary == nil, call.named.isEmpty else {
        throw fault("an argument without a name after one with a name")
      }
      call.positional.append(try expression())
    }
  }
}
