import HybridizeCore

extension TemplateFilters {
  /// Filters of texts; `nil` if there is none of the name.
  func ofTexts(_ name: String, _ value: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    func text() throws(HybridizeError) -> String {
      let text = try value.string(budget)
      // Any of them makes about as much text as it reads.
      try budget.spend(text: text.utf8.count)
      return text
    }
    // Safe text stays safe.
    func alike(_ text: String) -> TemplateValue { if case .markup = value { .markup(text) } else { .string(text) } }
    func plain(_ change: (String) -> String) throws(HybridizeError) -> TemplateValue {
      try noArguments(name)
      return alike(change(try text()))
    }
    switch name {
    case "string":
      try noArguments(name)
      if case .markup = value { return value }
      return .string(try value.string(budget))
    case "upper": return try plain(PythonText.upper)
    case "lower": return try plain(PythonText.lower)
    case "capitalize": return try plain(PythonText.capitalized)
    case "title": return try plain(PythonText.titledByWords)
    case "trim":
      let characters = try bind(["chars"], name)[0].text("chars")
      return alike(PythonText.strip(try text(), characters))
    case "safe":
      try noArguments(name)
      return .markup(try text())
    case "escape", "e", "forceescape":
      try noArguments(name)
      if case .markup = value, name != "forceescape" { return value }
      return .markup(try TemplateValue.escaped(try text(), budget))
    case "wordcount":
      try noArguments(name)
      return .integer(Self.wordCount(try text()))
    case "replace":
      let values = try bind(["old", "new", "count"], required: 2, name)
      let old = try (values[0] ?? .none).string(budget)
      let new = try (values[1] ?? .none).string(budget)
      let count = try values[2].integer("count", default: -1)
      return .string(try TemplateMethods(interpreter).replaced(try text(), old, new, count: count))
    case "join": return try join(value)
    case "indent": return .string(try indent(value))
    case "center":
      let width = try bind(["width"], name)[0].integer("width", default: 80)
      return alike(try TemplateMethods(interpreter).centered(try text(), width: width, fill: " "))
    case "truncate": return alike(try truncate(value))
    case "format":
      if case .markup = value { throw TemplateFault.unsupported("the filter 'format' of safe text") }
      guard arguments.positional.isEmpty || arguments.named.isEmpty else {
        throw TemplateFault.failed("positional and named arguments of a format")
      }
      var values = TemplateDictionary()
      for (name, value) in arguments.named { try values.set(name, value, budget) }
      let given: TemplateValue =
        arguments.named.isEmpty ? .tuple(try TemplateElements(arguments.positional)) : .dictionary(values)
      return .string(try TemplateFormat(budget).percent(try text(), given))
    default: return nil
    }
  }

  /// Runs of letters, digits and underscores.
  private static func wordCount(_ text: String) -> Int {
    var count = 0
    var isInside = false
    for scalar in text.unicodeScalars {
      let isWord = scalar == "_" || PythonText.isLetter(scalar) || PythonText.isNumeric(scalar)
      if isWord, !isInside { count += 1 }
      isInside = isWord
    }
    return count
  }

  private func join(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["d", "attribute"], "join")
    let separator = try (values[0] ?? .string("")).string(budget)
    var text = TemplateText(budget)
    for (index, element) in try value.elements(budget).enumerated() {
      if index > 0 { try text.append(separator) }
      var element = element
      if let path = values[1], !path.isNone { element = try attribute(path, of: element) }
      try text.append(try element.string(budget))
    }
    return .string(text.text)
  }

  private func indent(_ value: TemplateValue) throws(HybridizeError) -> String {
    let values = try bind(["width", "first", "blank"], "indent")
    guard case .string(let text) = value else {
      if case .undefined(let message) = value { throw TemplateFault.failed(message) }
      throw TemplateFault.failed("the filter 'indent' takes a text, not a \(value.typeName)")
    }
    var indent: String
    if let given = values[0]?.text {
      indent = given
    } else {
      let width = max(0, try values[0].integer("width", default: 4))
      try budget.spend(text: width)
      indent = String(repeating: " ", count: width)
    }
    let (first, blank) = (try values[1].flag(), try values[2].flag())
    try budget.spend(text: text.utf8.count)
    var result = TemplateText(budget)
    for (index, line) in PythonText.lines(text + "\n").enumerated() {
      if index > 0 { try result.append("\n") }
      if index == 0 ? first : blank || !line.isEmpty { try result.append(indent) }
      try result.append(line)
    }
    return result.text
  }

  private func truncate(_ value: TemplateValue) throws(HybridizeError) -> String {
    let values = try bind(["length", "killwords", "end", "leeway"], "truncate")
    guard let text = value.text else {
      throw TemplateFault.failed("the filter 'truncate' takes a text, not a \(value.typeName)")
    }
    let length = try values[0].integer("length", default: 255)
    let end = try values[2].text("end") ?? "..."
    let leeway = try values[3].integer("leeway", default: 5)
    guard (end.unicodeScalars.count...1 << 40).contains(length), (0...1 << 40).contains(leeway) else {
      throw TemplateFault.failed("the filter 'truncate' has lengths that do not fit")
    }
    let kept = length - end.unicodeScalars.count
    try budget.spend(text: text.utf8.count)
    guard text.unicodeScalars.count > length + leeway else { return text }
    let start = String(text.unicodeScalars.prefix(kept))
    if try values[1].flag() { return start + end }
    guard let space = start.unicodeScalars.lastIndex(of: " ") else { return start + end }
    return String(start.unicodeScalars[..<space]) + end
  }
}
