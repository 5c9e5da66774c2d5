import HybridizeCore

/// Runs a template: statements into text.
final class TemplateInterpreter {
  let budget: TemplateBudget
  let date: CalendarDate
  /// The line of what is being computed, for messages.
  var line = 1
  private var depth = 0
  /// The texts that are being written: that of the template, and those that blocks catch.
  private var outputs: [String] = [""]
  // What is shared and changes may hold itself. It is let go of at the end, one at a time.
  private var scopes: [TemplateScope] = []
  private var namespaces: [TemplateNamespace] = []
  private var loops: [TemplateLoop] = []

  /// What a body of statements ends with.
  private enum Outcome { case end, `break`, `continue` }

  init(_ limits: TemplateLimits, date: CalendarDate) {
    budget = TemplateBudget(limits)
    self.date = date
  }

  /// The text of a template with these variables.
  ///
  /// - Throws: what is wrong, with the line.
  func render(_ statements: [TemplateStatement], _ variables: JSONObject) throws(HybridizeError) -> String {
    defer { release() }
    do throws(HybridizeError) {
      let root = TemplateScope(in: nil)
      for (name, value) in variables.members {
        root.variables[name] = try TemplateValue(json: value, budget)
      }
      _ = try run(statements, TemplateScope(in: root))
    } catch {
      var located = error
      located.found = "line \(line)" + (error.found.map { ": " + $0 } ?? "")
      throw located
    }
    return outputs[0]
  }

  private func release() {
    for namespace in namespaces { namespace.attributes = TemplateDictionary() }
    for loop in loops { loop.forget() }
    for scope in scopes { scope.variables = [:] }
  }

  func keep(_ namespace: TemplateNamespace) { namespaces.append(namespace) }

  func keep(_ loop: TemplateLoop) { if loops.last !== loop { loops.append(loop) } }

  /// Expressions, blocks and macros inside one another are few, so that no template makes the stack overflow.
  func nested<Result>(
    _ work: (TemplateInterpreter) throws(HybridizeError) -> Result
  ) throws(HybridizeError) -> Result {
    guard depth < budget.limits.depth else {
      throw TemplateFault.limit("more than \(budget.limits.depth) levels of nesting")
    }
    depth += 1
    defer { depth -= 1 }
    return try work(self)
  }

  // MARK: Text

  private func write(_ text: String) throws(HybridizeError) {
    let count = outputs[outputs.count - 1].utf8.count + text.utf8.count
    guard count <= budget.limits.textBytes else {
      throw TemplateFault.limit("a text of more than \(budget.limits.textBytes) bytes")
    }
    try budget.spend(text: text.utf8.count)
    outputs[outputs.count - 1] += text
  }

  /// What statements write.
  private func caught(_ body: [TemplateStatement], _ scope: TemplateScope) throws(HybridizeError) -> (String, Outcome) {
    outputs.append("")
    let outcome = try run(body, scope)
    return (outputs.removeLast(), outcome)
  }

  // MARK: Statements

  private func run(_ body: [TemplateStatement], _ scope: TemplateScope) throws(HybridizeError) -> Outcome {
    try nested { (interpreter) throws(HybridizeError) in
      for statement in body {
        let outcome = try interpreter.run(statement, scope)
        guard case .end = outcome else { return outcome }
      }
      return .end
    }
  }

  private func run(_ statement: TemplateStatement, _ scope: TemplateScope) throws(HybridizeError) -> Outcome {
    try budget.spend()
    line = statement.line
    switch statement.kind {
    case .text(let text): try write(text)
    case .print(let expression): try write(try evaluate(expression, scope).string(budget))
    case .condition(let branches, let otherwise):
      for (test, body) in branches where try evaluate(test, scope).isTrue() { return try run(body, scope) }
      return try run(otherwise, scope)
    case .loop(let loop): return try run(loop, scope)
    case .set(let target, let value):
      try checkNamespaces(target, scope)
      try assign(try evaluate(value, scope), to: target, scope)
    case .setBlock(let target, let filters, let body):
      let (text, outcome) = try caught(body, TemplateScope(in: scope))
      guard case .end = outcome else { return outcome }
      try checkNamespaces(target, scope)
      try assign(try apply(filters, to: .string(text), scope), to: target, scope)
    case .with(let assignments, let body):
      let inner = TemplateScope(in: scope)
      for (target, value) in assignments { try assign(try evaluate(value, scope), to: target, inner) }
      return try run(body, inner)
    case .macro(let syntax):
      let macro = TemplateMacro(syntax, scope)
      try budget.spend(elements: 1)
      if let name = syntax.name { scope.variables[name] = .macro(macro) }
      scopes.append(scope)
    case .call(let call, let body):
      let caller = TemplateValue.macro(TemplateMacro(body, scope))
      scopes.append(scope)
      try write(try evaluate(call, scope, caller: caller).string(budget))
    case .filter(let filters, let body):
      let inner = TemplateScope(in: scope)
      let (text, outcome) = try caught(body, inner)
      guard case .end = outcome else { return outcome }
      try write(try apply(filters, to: .string(text), inner).string(budget))
    case .generation(let body): _ = try run(body, TemplateScope(in: scope))
    case .break: return .break
    case .continue: return .continue
    }
    return .end
  }

  private func run(_ syntax: TemplateLoopSyntax, _ scope: TemplateScope) throws(HybridizeError) -> Outcome {
    let items = try evaluate(syntax.sequence, scope).elements(budget)
    var accepts: ((TemplateValue) throws(HybridizeError) -> Bool)?
    if let test = syntax.test {
      accepts = { [self] (item) throws(HybridizeError) in
        try budget.spend()
        let inner = TemplateScope(in: scope)
        try assign(item, to: syntax.target, inner)
        return try evaluate(test, inner).isTrue()
      }
    }
    let loop = try TemplateLoop(items, accepts: accepts)
    // As Jinja has it: what is left early in its first turn counts as if it had none.
    var isEmpty = true
    while let item = try loop.advance() {
      try budget.spend()
      let inner = TemplateScope(in: scope)
      inner.variables["loop"] = .loop(loop)
      try assign(item, to: syntax.target, inner)
      let outcome = try run(syntax.body, inner)
      if case .break = outcome { break }
      if case .end = outcome { isEmpty = false }
    }
    return isEmpty ? try run(syntax.otherwise, TemplateScope(in: scope)) : .end
  }

  // MARK: Assignment

  private func checkNamespaces(_ target: TemplateTarget, _ scope: TemplateScope) throws(HybridizeError) {
    for name in target.namespaces {
      guard case .namespace? = scope.find(name) else {
        throw TemplateFault.failed("cannot assign attribute on non-namespace object")
      }
    }
  }

  private func assign(
    _ value: TemplateValue, to target: TemplateTarget, _ scope: TemplateScope
  ) throws(HybridizeError) {
    switch target {
    case .name(let name): scope.variables[name] = value
    case .namespace(let name, let attribute):
      guard case .namespace(let namespace)? = scope.find(name) else { return }
      try TemplateFunctions.checkName(attribute)
      try namespace.attributes.set(attribute, value, budget)
    case .tuple(let targets):
      let values = try value.elements(budget)
      guard values.count == targets.count else {
        throw TemplateFault.failed("\(values.count) values for \(targets.count) names")
      }
      for (value, target) in zip(values, targets) { try assign(value, to: target, scope) }
    }
  }

  // MARK: Macros

  /// What a macro writes.
  func call(_ macro: TemplateMacro, _ arguments: TemplateArguments) throws(HybridizeError) -> TemplateValue {
    let syntax = macro.syntax
    let name = syntax.name ?? "caller"
    let scope = TemplateScope(in: macro.scope)
    var named = arguments.named
    func take(_ name: String) -> TemplateValue? {
      named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
    }
    var missing: [Int] = []
    for (place, parameter) in syntax.parameters.enumerated() {
      if place < arguments.positional.count {
        scope.variables[parameter] = arguments.positional[place]
      } else if let value = take(parameter) {
        scope.variables[parameter] = value
      } else {
        scope.variables[parameter] = .undefined("parameter '\(parameter)' was not provided")
        missing.append(place)
      }
    }
    if syntax.mentions.contains("caller"), !syntax.parameters.contains("caller") {
      scope.variables["caller"] = take("caller") ?? .undefined("No caller defined")
    }
    let rest = Array(arguments.positional.dropFirst(syntax.parameters.count))
    if syntax.mentions.contains("kwargs"), !syntax.parameters.contains("kwargs") {
      var dictionary = TemplateDictionary()
      for (name, value) in named { try dictionary.set(name, value, budget) }
      scope.variables["kwargs"] = .dictionary(dictionary)
    } else if let extra = named.first {
      throw TemplateFault.failed("macro '\(name)' takes no keyword argument '\(extra.name)'")
    }
    if syntax.mentions.contains("varargs"), !syntax.parameters.contains("varargs") {
      scope.variables["varargs"] = .tuple(try TemplateElements(rest))
    } else if !rest.isEmpty {
      throw TemplateFault.failed("macro '\(name)' takes not more than \(syntax.parameters.count) argument(s)")
    }
    return try nested { (interpreter) throws(HybridizeError) in
      let withDefault = syntax.parameters.count - syntax.defaults.count
      for place in missing where place >= withDefault {
        let value = try interpreter.evaluate(syntax.defaults[place - withDefault], scope)
        scope.variables[syntax.parameters[place]] = value
      }
      return .string(try interpreter.caught(syntax.body, scope).0)
    }
  }
}
