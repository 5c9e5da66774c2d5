import HybridizeCore

/// The methods of Python's texts, lists and dictionaries.
struct TemplateMethods {
  let interpreter: TemplateInterpreter
  var budget: TemplateBudget { interpreter.budget }

  init(_ interpreter: TemplateInterpreter) { self.interpreter = interpreter }

  /// - Throws: `.chatTemplateFailed`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  func call(
    _ name: String, of receiver: TemplateValue, _ arguments: TemplateArguments
  ) throws(HybridizeError) -> TemplateValue {
    switch receiver {
    case .string(let text):
      try budget.spend(text: text.utf8.count)
      return try ofText(name, text, arguments)
    case .markup: throw TemplateFault.unsupported("the method '\(name)' of safe text")
    case .list(let elements), .tuple(let elements):
      if name == "copy" { return receiver }
      return try ofList(name, elements, arguments)
    case .dictionary(let dictionary): return try ofDictionary(name, dictionary, arguments)
    case .loop(let loop):
      guard arguments.named.isEmpty else { throw TemplateFault.failed("'\(name)' takes no named arguments") }
      let values = arguments.positional
      if name == "changed" {
        interpreter.keep(loop)
        return .boolean(try loop.changed(values, budget))
      }
      guard !values.isEmpty else { throw TemplateFault.failed("no items for cycling given") }
      return values[loop.index0 % values.count]
    case .cycler(let cycler):
      _ = try arguments.bind([], of: name)
      let current = cycler.items.items[cycler.position]
      cycler.position = name == "reset" ? 0 : (cycler.position + 1) % cycler.items.items.count
      return name == "reset" ? .none : current
    default: throw TemplateFault.unsupported("the method '\(name)' of a \(receiver.typeName)")
    }
  }

  private func ofList(
    _ name: String, _ elements: TemplateElements, _ arguments: TemplateArguments
  ) throws(HybridizeError) -> TemplateValue {
    let value = try arguments.bind(["value"], required: 1, of: name)[0] ?? .none
    var places: [Int] = []
    for (place, item) in elements.items.enumerated() where try item.equals(value, budget) { places.append(place) }
    if name == "count" { return .integer(places.count) }
    guard let first = places.first else { throw TemplateFault.failed("a value is not in the list") }
    return .integer(first)
  }

  private func ofDictionary(
    _ name: String, _ dictionary: TemplateDictionary, _ arguments: TemplateArguments
  ) throws(HybridizeError) -> TemplateValue {
    if name == "get" {
      guard arguments.named.isEmpty else { throw TemplateFault.failed("get() takes no keyword arguments") }
      let values = try arguments.bind(["key", "default"], required: 1, of: name)
      return try dictionary.value(values[0] ?? .none, budget) ?? values[1] ?? .none
    }
    _ = try arguments.bind([], of: name)
    let kinds: [String: TemplateView.Kind] = ["keys": .keys, "values": .values, "items": .items]
    guard let kind = kinds[name] else { return .dictionary(dictionary) }
    return .view(TemplateView(kind: kind, dictionary: dictionary))
  }

  // MARK: What filters need as well

  /// - Parameter count: how many are replaced; all if negative.
  func replaced(_ text: String, _ old: String, _ new: String, count: Int) throws(HybridizeError) -> String {
    guard count != 0 else { return text }
    var result = TemplateText(budget)
    if old.isEmpty {
      // Before each character, and after the last.
      var left = count < 0 ? .max : count
      for scalar in text.unicodeScalars {
        if left > 0 { try result.append(new) }
        left = max(0, left - 1)
        try result.append(String(scalar))
      }
      if left > 0 { try result.append(new) }
      return result.text
    }
    let pieces = PythonText.pieces(text, by: old, limit: count < 0 ? nil : count, fromRight: false)
    for (index, piece) in pieces.enumerated() {
      if index > 0 { try result.append(new) }
      try result.append(piece)
    }
    return result.text
  }

  func centered(_ text: String, width: Int, fill: Character) throws(HybridizeError) -> String {
    let count = text.unicodeScalars.count
    guard width > count else { return text }
    try spend(width)
    let missing = width - count
    // As Python has it: the odd one stands to the left if the width is odd.
    let left = missing / 2 + (missing & width & 1)
    return String(repeating: fill, count: left) + text + String(repeating: fill, count: missing - left)
  }

  /// For so many characters.
  func spend(_ characters: Int) throws(HybridizeError) {
    let (bytes, overflow) = characters.multipliedReportingOverflow(by: 4)
    try budget.spend(text: overflow ? .max : bytes)
  }
}
