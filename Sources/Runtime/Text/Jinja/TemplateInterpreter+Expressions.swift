import HybridizeCore

/// Expressions into values.
extension TemplateInterpreter {
  /// - Parameter caller: what the last call of the expression gets as its `caller`.
  func evaluate(
    _ expression: TemplateExpression, _ scope: TemplateScope, caller: TemplateValue? = nil
  ) throws(HybridizeError) -> TemplateValue {
    try budget.spend()
    switch expression.kind {
    case .literal(let literal): return Self.value(of: literal)
    case .name(let name): return scope.find(name) ?? TemplateFunctions.global(name) ?? .undefined(name: name)
    default:
      return try nested { (interpreter) throws(HybridizeError) in
        try interpreter.compound(expression, scope, caller)
      }
    }
  }

  private static func value(of literal: TemplateLiteral) -> TemplateValue {
    switch literal {
    case .none: .none
    case .boolean(let flag): .boolean(flag)
    case .integer(let number): .integer(number)
    case .float(let number): .float(number)
    case .string(let text): .string(text)
    }
  }

  private func values(
    _ expressions: [TemplateExpression], _ scope: TemplateScope
  ) throws(HybridizeError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression, scope)) }
    return values
  }

  private func compound(
    _ expression: TemplateExpression, _ scope: TemplateScope, _ caller: TemplateValue?
  ) throws(HybridizeError) -> TemplateValue {
    switch expression.kind {
    case .literal, .name, .namespaceAttribute: return .none
    case .tuple(let parts):
      try budget.spend(elements: parts.count)
      return .tuple(try TemplateElements(try values(parts, scope)))
    case .list(let parts):
      try budget.spend(elements: parts.count)
      return .list(try TemplateElements(try values(parts, scope)))
    case .dictionary(let pairs):
      var dictionary = TemplateDictionary()
      for (key, value) in pairs {
        try dictionary.set(try evaluate(key, scope), try evaluate(value, scope), budget)
      }
      return .dictionary(dictionary)
    case .postfix(let value, let postfixes):
      return try apply(postfixes, to: try evaluate(value[0], scope), scope, caller: caller)
    case .chain(let parts, let signs): return try chain(parts, signs, scope)
    case .concatenation(let parts):
      return try TemplateOperators(budget: budget).concatenation(try values(parts, scope))
    case .comparison(let parts, let signs): return try comparison(parts, signs, scope)
    case .conjunction(let parts): return try junction(parts, scope, until: false)
    case .disjunction(let parts): return try junction(parts, scope, until: true)
    case .not(let value): return .boolean(try !evaluate(value[0], scope).isTrue())
    case .signed(let negative, let value):
      return try TemplateOperators(budget: budget).negated(try evaluate(value[0], scope), negative: negative)
    case .conditional(let parts):
      if try evaluate(parts[1], scope).isTrue() { return try evaluate(parts[0], scope) }
      guard parts.count > 2 else {
        return .undefined("the inline if-expression evaluated to false and no else section was defined.")
      }
      return try evaluate(parts[2], scope)
    }
  }

  private func chain(
    _ parts: [TemplateExpression], _ signs: [String], _ scope: TemplateScope
  ) throws(HybridizeError) -> TemplateValue {
    let operators = TemplateOperators(budget: budget)
    var value = try evaluate(parts[0], scope)
    for (sign, part) in zip(signs, parts.dropFirst()) {
      let other = try evaluate(part, scope)
      line = part.line
      value = try operators.apply(sign, value, other)
    }
    return value
  }

  /// `a < b < c` holds if both do; what is not needed is not computed.
  private func comparison(
    _ parts: [TemplateExpression], _ signs: [String], _ scope: TemplateScope
  ) throws(HybridizeError) -> TemplateValue {
    let operators = TemplateOperators(budget: budget)
    var left = try evaluate(parts[0], scope)
    for (sign, part) in zip(signs, parts.dropFirst()) {
      let right = try evaluate(part, scope)
      line = part.line
      guard try operators.compare(sign, left, right) else { return .boolean(false) }
      left = right
    }
    return .boolean(true)
  }

  /// The first value whose truth decides, or the last one.
  private func junction(
    _ parts: [TemplateExpression], _ scope: TemplateScope, until decisive: Bool
  ) throws(HybridizeError) -> TemplateValue {
    var value = TemplateValue.none
    for part in parts {
      value = try evaluate(part, scope)
      if try value.isTrue() == decisive { return value }
    }
    return value
  }

  // MARK: What follows a value

  func apply(
    _ postfixes: [TemplatePostfix], to value: TemplateValue, _ scope: TemplateScope, caller: TemplateValue? = nil
  ) throws(HybridizeError) -> TemplateValue {
    var value = value
    for (index, postfix) in postfixes.enumerated() {
      try budget.spend()
      line = postfix.line
      switch postfix.kind {
      case .attribute(let name): value = try attribute(of: value, name)
      case .element(let key): value = try element(of: value, try evaluate(key, scope))
      case .slice(let from, let to, let step):
        var bounds: [TemplateValue?] = []
        for bound in [from, to, step] {
          bounds.append(try bound.map { (bound) throws(HybridizeError) in try evaluate(bound, scope) })
        }
        value = try TemplateOperators(budget: budget).slice(value, from: bounds[0], to: bounds[1], step: bounds[2])
      case .call(let call):
        var arguments = try self.arguments(call, scope)
        if let caller, index == postfixes.count - 1 { arguments.named.append(("caller", caller)) }
        line = postfix.line
        value = try self.call(value, arguments)
      case .filter(let name, let call):
        let arguments = try self.arguments(call, scope)
        line = postfix.line
        value = try TemplateFilters.apply(name, to: value, arguments, self)
      case .test(let name, let call, let negated):
        let arguments = try self.arguments(call, scope)
        line = postfix.line
        value = .boolean(try TemplateTests.check(name, value, arguments, self) != negated)
      }
    }
    return value
  }

  private func arguments(_ call: TemplateCall, _ scope: TemplateScope) throws(HybridizeError) -> TemplateArguments {
    var arguments = TemplateArguments(positional: try values(call.positional, scope))
    for (name, value) in call.named { arguments.named.append((name, try evaluate(value, scope))) }
    if let list = call.list { arguments.positional += try evaluate(list, scope).elements(budget) }
    if let more = call.dictionary {
      guard case .dictionary(let dictionary) = try evaluate(more, scope) else {
        throw TemplateFault.failed("argument after ** must be a mapping")
      }
      for (key, value) in zip(dictionary.keys, dictionary.values) {
        guard let name = key.text else { throw TemplateFault.failed("keywords must be strings") }
        guard !arguments.named.contains(where: { UTF8Key($0.name) == UTF8Key(name) }) else {
          throw TemplateFault.failed("got multiple values for keyword argument '\(name)'")
        }
        try budget.spend(steps: 1 + arguments.named.count)
        arguments.named.append((name, value))
      }
    }
    return arguments
  }

  func call(_ value: TemplateValue, _ arguments: TemplateArguments) throws(HybridizeError) -> TemplateValue {
    switch value {
    case .method(let receiver, let name): return try TemplateMethods(self).call(name, of: receiver, arguments)
    case .macro(let macro): return try call(macro, arguments)
    case .function(let name): return try TemplateFunctions(interpreter: self).call(name, arguments)
    case .joiner(let joiner):
      _ = try arguments.bind([], of: "a joiner")
      defer { joiner.isUsed = true }
      return joiner.isUsed ? joiner.separator : .string("")
    case .undefined(let message): throw TemplateFault.failed(message)
    case .loop: throw TemplateFault.unsupported("a recursive loop")
    default: throw TemplateFault.failed("'\(value.typeName)' object is not callable")
    }
  }

  // MARK: Attributes and elements

  /// `value.name`: the attribute, or else the element of the name.
  func attribute(of value: TemplateValue, _ name: String) throws(HybridizeError) -> TemplateValue {
    if let found = try TemplateAttributes.static(of: value, name) { return found }
    if case .dictionary(let dictionary) = value, let found = dictionary[name] { return found }
    return missing(name, in: value)
  }

  /// `value[key]`: the element, or else the attribute of the name.
  func element(of value: TemplateValue, _ key: TemplateValue) throws(HybridizeError) -> TemplateValue {
    switch value {
    case .undefined(let message): throw TemplateFault.failed(message)
    case .dictionary(let dictionary):
      switch key {
      // No key, and no attribute either.
      case .list, .dictionary: break
      default: if let found = try dictionary.value(key, budget) { return found }
      }
    case .list(let elements), .tuple(let elements):
      if let place = Self.place(key, elements.items.count) { return elements.items[place] }
    case .string(let text), .markup(let text):
      if case .integer? = key.number {
        try budget.spend(reading: text.utf8.count)
        let scalars = text.unicodeScalars
        if let place = Self.place(key, scalars.count) {
          let character = String(scalars[scalars.index(scalars.startIndex, offsetBy: place)])
          if case .markup = value { return .markup(character) }
          return .string(character)
        }
      }
    case .range(let range):
      if let place = Self.place(key, range.count) { return .integer(range[place]) }
    default: break
    }
    if let name = key.text, let found = try TemplateAttributes.static(of: value, name) { return found }
    return missing(try key.literalForMessage(budget), in: value)
  }

  /// Python's place of an index: negative ones count from the end; `nil` if there is none.
  private static func place(_ key: TemplateValue, _ count: Int) -> Int? {
    guard case .integer(let index)? = key.number else { return nil }
    let place = index < 0 ? index + count : index
    return (0..<count).contains(place) ? place : nil
  }

  private func missing(_ name: String, in value: TemplateValue) -> TemplateValue {
    .undefined("'\(value.typeName) object' has no attribute '\(name.prefix(80))'")
  }

  /// Python's `len`.
  func length(of value: TemplateValue) throws(HybridizeError) -> Int {
    switch value {
    case .undefined: return 0
    case .string(let text), .markup(let text):
      try budget.spend(reading: text.utf8.count)
      return text.unicodeScalars.count
    case .list(let elements), .tuple(let elements): return elements.items.count
    case .dictionary(let dictionary): return dictionary.count
    case .view(let view): return view.dictionary.count
    case .range(let range): return range.count
    case .loop(let loop): return try loop.length()
    default: throw TemplateFault.failed("object of type '\(value.typeName)' has no len()")
    }
  }
}

extension TemplateValue {
  /// A key as messages show it.
  fileprivate func literalForMessage(_ budget: TemplateBudget) throws(HybridizeError) -> String {
    switch self {
    case .string(let text): text
    case .integer(let number): String(number)
    default: "of the type \(typeName)"
    }
  }
}
