import HybridizeCore

/// The filters of Jinja by their names; those that have to do with texts, numbers and sequences are in files of their own.
struct TemplateFilters {
  let interpreter: TemplateInterpreter
  let arguments: TemplateArguments

  var budget: TemplateBudget { interpreter.budget }

  /// - Throws: `.chatTemplateUnsupported` for a filter that is not known, and what filters throw.
  static func apply(
    _ name: String, to value: TemplateValue, _ arguments: TemplateArguments, _ interpreter: TemplateInterpreter
  ) throws(HybridizeError) -> TemplateValue {
    let filters = TemplateFilters(interpreter: interpreter, arguments: arguments)
    if let result = try filters.ofTexts(name, value) { return result }
    if let result = try filters.ofSequences(name, value) { return result }
    if let result = try filters.ofNumbers(name, value) { return result }
    if let result = try filters.ofChoices(name, value) { return result }
    switch name {
    case "default", "d":
      let values = try filters.bind(["default_value", "boolean"], name)
      var isMissing = value.isUndefined
      if try values[1].flag(), try !value.isTrue() { isMissing = true }
      return isMissing ? values[0] ?? .string("") : value
    case "tojson": return .string(try filters.json(value))
    case "attr":
      guard let attribute = try filters.bind(["name"], required: 1, name)[0].text("name") else {
        throw TemplateFault.failed("attribute name must be string")
      }
      let found = try TemplateAttributes.static(of: value, attribute)
      return found ?? .undefined("no attribute '\(attribute)'")
    default: throw TemplateFault.unsupported("the filter '\(name)'")
    }
  }

  func bind(_ parameters: [String], required: Int = 0, _ name: String) throws(HybridizeError) -> [TemplateValue?] {
    try arguments.bind(parameters, required: required, of: "the filter '\(name)'")
  }

  func noArguments(_ name: String) throws(HybridizeError) { _ = try bind([], name) }

  private func json(_ value: TemplateValue) throws(HybridizeError) -> String {
    let values = try bind(["ensure_ascii", "indent", "separators", "sort_keys"], "tojson")
    var json = TemplateJSON(indent: try indent(values[1]), budget)
    json.isASCII = try values[0].flag()
    json.sortsKeys = try values[3].flag()
    if let separators = values[2], !separators.isNone {
      let pair = try separators.elements(budget)
      guard pair.count == 2, let item = pair[0].text, let key = pair[1].text else {
        throw TemplateFault.failed("separators are two texts")
      }
      (json.itemSeparator, json.keySeparator) = (item, key)
    }
    return try json.dump(value)
  }

  private func indent(_ value: TemplateValue?) throws(HybridizeError) -> String? {
    if let text = value?.text { return text }
    guard let value, !value.isNone else { return nil }
    let width = max(0, try value.integer("indent", default: 0))
    try budget.spend(text: width)
    return String(repeating: " ", count: width)
  }

  // MARK: Attributes of elements

  /// What an element has under a name like `a.b.0`; the default where it has nothing.
  func attribute(
    _ path: TemplateValue, of element: TemplateValue, default value: TemplateValue? = nil
  ) throws(HybridizeError) -> TemplateValue {
    var element = element
    for part in try Self.parts(path) {
      element = try interpreter.element(of: element, part)
      if element.isUndefined, let value, !value.isNone { element = value }
    }
    return element
  }

  private static func parts(_ path: TemplateValue) throws(HybridizeError) -> [TemplateValue] {
    guard let text = path.text else { return path.isNone ? [] : [path] }
    return text.split(separator: ".", omittingEmptySubsequences: false).map { part in
      let isNumber = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      return isNumber ? Int(part).map { .integer($0) } ?? .string(String(part)) : .string(String(part))
    }
  }

  /// A text in lower case, other values as they are: what sorting goes by unless told otherwise.
  func key(_ value: TemplateValue, caseSensitive: Bool) throws(HybridizeError) -> TemplateValue {
    guard !caseSensitive, let text = value.text else { return value }
    try budget.spend(text: text.utf8.count)
    return .string(PythonText.lower(text))
  }

  /// - Throws: `.chatTemplateLimit`.
  func list(_ items: [TemplateValue]) throws(HybridizeError) -> TemplateValue { .list(try TemplateElements(items)) }
}

extension TemplateValue {
  /// - Throws: `.chatTemplateFailed`.
  func integer(_ name: String, default value: Int) throws(HybridizeError) -> Int {
    try Optional(self).integer(name, default: value)
  }
}
