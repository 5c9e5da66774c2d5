import HybridizeCore

/// The tests of Jinja by their names: what stands after `is`.
enum TemplateTests {
  /// - Throws: `.chatTemplateUnsupported` for a test that is not known, and what tests throw.
  static func check(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments, _ interpreter: TemplateInterpreter
  ) throws(HybridizeError) -> Bool {
    let budget = interpreter.budget
    func other(_ parameter: String) throws(HybridizeError) -> TemplateValue {
      try arguments.bind([parameter], required: 1, of: "the test '\(name)'")[0] ?? .none
    }
    func alone() throws(HybridizeError) { _ = try arguments.bind([], of: "the test '\(name)'") }
    let operators = TemplateOperators(budget: budget)
    switch name {
    case "eq", "equalto", "==": return try operators.compare("==", value, try other("other"))
    case "ne", "!=": return try operators.compare("!=", value, try other("other"))
    case "lt", "lessthan", "<": return try operators.compare("<", value, try other("other"))
    case "le", "<=": return try operators.compare("<=", value, try other("other"))
    case "gt", "greaterthan", ">": return try operators.compare(">", value, try other("other"))
    case "ge", ">=": return try operators.compare(">=", value, try other("other"))
    case "in": return try operators.compare("in", value, try other("seq"))
    case "sameas": return try isSame(value, try other("other"))
    case "divisibleby": return try remainder(value, try other("num"), operators).equals(.integer(0), budget)
    default: try alone()
    }
    switch name {
    case "odd": return try remainder(value, .integer(2), operators).equals(.integer(1), budget)
    case "even": return try remainder(value, .integer(2), operators).equals(.integer(0), budget)
    case "lower": return PythonText.isLower(try value.string(budget))
    case "upper": return PythonText.isUpper(try value.string(budget))
    case "filter", "test": throw TemplateFault.unsupported("the test '\(name)'")
    default:
      guard let kind = isOfKind(name, value) else { throw TemplateFault.unsupported("the test '\(name)'") }
      return kind
    }
  }

  /// Tests of what kind a value is; `nil` if there is none of the name.
  private static func isOfKind(_ name: String, _ value: TemplateValue) -> Bool? {
    switch (name, value) {
    case ("defined", _): !value.isUndefined
    case ("undefined", _): value.isUndefined
    case ("none", _): value.isNone
    case ("boolean", .boolean), ("integer", .integer), ("float", .float), ("mapping", .dictionary): true
    case ("true", .boolean(let flag)): flag
    case ("false", .boolean(let flag)): !flag
    case ("string", _): value.text != nil
    case ("number", _): value.number != nil
    case ("escaped", .markup): true
    case ("sequence", .string), ("sequence", .markup), ("sequence", .list), ("sequence", .tuple),
      ("sequence", .dictionary), ("sequence", .range), ("sequence", .undefined):
      true
    case ("iterable", .string), ("iterable", .markup), ("iterable", .list), ("iterable", .tuple),
      ("iterable", .dictionary), ("iterable", .range), ("iterable", .undefined), ("iterable", .view),
      ("iterable", .iterator), ("iterable", .loop):
      true
    case ("callable", .macro), ("callable", .method), ("callable", .function), ("callable", .joiner),
      ("callable", .loop), ("callable", .undefined):
      true
    case ("boolean", _), ("integer", _), ("float", _), ("mapping", _), ("true", _), ("false", _), ("escaped", _),
      ("sequence", _), ("iterable", _), ("callable", _):
      false
    default: nil
    }
  }

  private static func remainder(
    _ value: TemplateValue, _ divisor: TemplateValue, _ operators: TemplateOperators
  ) throws(HybridizeError) -> TemplateValue {
    try operators.apply("%", value, divisor)
  }

  /// Python's `is`, where it does not depend on how Python keeps its values.
  private static func isSame(_ a: TemplateValue, _ b: TemplateValue) throws(HybridizeError) -> Bool {
    switch (a, b) {
    case (.none, .none): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)) where (-5...256).contains(a) || a != b: a == b
    case (.namespace(let a), .namespace(let b)): a === b
    case (.macro(let a), .macro(let b)): a === b
    case (.loop(let a), .loop(let b)): a === b
    default:
      if a.typeName == b.typeName {
        throw TemplateFault.unsupported("the test 'sameas' of a \(a.typeName)")
      } else {
        false
      }
    }
  }
}
