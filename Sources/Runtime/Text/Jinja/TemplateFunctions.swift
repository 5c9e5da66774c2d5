import HybridizeCore

/// The functions that every template has.
struct TemplateFunctions {
  let interpreter: TemplateInterpreter

  private static let names: Set = [
    "range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now", "lipsum",
  ]

  static func global(_ name: String) -> TemplateValue? { names.contains(name) ? .function(name) : nil }

  /// Names with an underscore in front are kept from templates.
  ///
  /// - Throws: `.chatTemplateFailed`.
  static func checkName(_ name: String) throws(HybridizeError) {
    guard !name.hasPrefix("_") else {
      throw TemplateFault.failed("a namespace holds no name with an underscore in front, '\(name)'")
    }
  }

  /// - Throws: `.chatTemplateRefused` where the template says so, `.chatTemplateFailed`, `.chatTemplateUnsupported`,
  ///   `.chatTemplateLimit`.
  func call(_ name: String, _ arguments: TemplateArguments) throws(HybridizeError) -> TemplateValue {
    let budget = interpreter.budget
    switch name {
    case "raise_exception":
      let message = try arguments.bind(["message"], required: 1, of: name)[0] ?? .none
      throw HybridizeError(.chatTemplateRefused, found: try message.string(budget))
    case "strftime_now":
      guard let format = try arguments.bind(["format"], required: 1, of: name)[0].text("format") else {
        throw TemplateFault.failed("strftime_now needs a format")
      }
      try budget.spend(text: format.utf8.count)
      return .string(try interpreter.date.formatted(format, limit: budget.limits.textBytes))
    case "range": return .range(try range(arguments))
    case "dict": return .dictionary(try dictionary(arguments))
    case "namespace":
      let attributes = try dictionary(arguments)
      for key in attributes.keys { if let name = key.text { try Self.checkName(name) } }
      let namespace = TemplateNamespace(attributes)
      try budget.spend(elements: 1)
      interpreter.keep(namespace)
      return .namespace(namespace)
    case "cycler":
      guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw TemplateFault.failed("at least one item has to be provided")
      }
      return .cycler(TemplateCycler(try TemplateElements(arguments.positional)))
    case "joiner":
      let separator = try arguments.bind(["sep"], of: name)[0] ?? .string(", ")
      _ = try TemplateValue.checkDepth(separator.depth + 1)
      return .joiner(TemplateJoiner(separator))
    default: throw TemplateFault.unsupported("the function '\(name)'")
    }
  }

  private func range(_ arguments: TemplateArguments) throws(HybridizeError) -> TemplateRange {
    guard arguments.named.isEmpty else { throw TemplateFault.failed("range() takes no keyword arguments") }
    var numbers: [Int] = []
    for value in arguments.positional {
      if case .undefined(let message) = value { throw TemplateFault.failed(message) }
      guard case .integer(let number)? = value.number else {
        throw TemplateFault.failed("'\(value.typeName)' object cannot be interpreted as an integer")
      }
      numbers.append(number)
    }
    switch numbers.count {
    case 1: return try TemplateRange(start: 0, stop: numbers[0], step: 1)
    case 2: return try TemplateRange(start: numbers[0], stop: numbers[1], step: 1)
    case 3: return try TemplateRange(start: numbers[0], stop: numbers[1], step: numbers[2])
    default: throw TemplateFault.failed("range expected 1 to 3 arguments, got \(numbers.count)")
    }
  }

  /// Python's `dict`: of another one, of pairs, and of named values.
  private func dictionary(_ arguments: TemplateArguments) throws(HybridizeError) -> TemplateDictionary {
    let budget = interpreter.budget
    var dictionary = TemplateDictionary()
    guard arguments.positional.count <= 1 else { throw TemplateFault.failed("dict expected at most 1 argument") }
    if case .dictionary(let other)? = arguments.positional.first {
      for (key, value) in zip(other.keys, other.values) { try dictionary.set(key, value, budget) }
    } else if let pairs = arguments.positional.first {
      for pair in try pairs.elements(budget) {
        let parts = try pair.elements(budget)
        guard parts.count == 2 else { throw TemplateFault.failed("dict takes pairs") }
        try dictionary.set(parts[0], parts[1], budget)
      }
    }
    for (name, value) in arguments.named { try dictionary.set(name, value, budget) }
    return dictionary
  }
}
