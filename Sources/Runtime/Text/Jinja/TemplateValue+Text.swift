import HybridizeCore

extension TemplateValue {
  /// Python's `str`, which is what a template prints.
  ///
  /// - Throws: `.chatTemplateLimit`, `.chatTemplateUnsupported` for what prints an address.
  func string(_ budget: TemplateBudget) throws(HybridizeError) -> String {
    switch self {
    case .undefined: return ""
    case .string(let text), .markup(let text): return text
    case .integer(let value): return String(value)
    default:
      var text = TemplateText(budget)
      try write(to: &text, budget)
      return text.text
    }
  }

  /// Python's `repr`.
  private func write(to text: inout TemplateText, _ budget: TemplateBudget) throws(HybridizeError) {
    try budget.spend()
    switch self {
    case .undefined: try text.append("Undefined")
    case .none: try text.append("None")
    case .boolean(let flag): try text.append(flag ? "True" : "False")
    case .integer(let value): try text.append(String(value))
    case .float(let value): try text.append(PythonNumber.literal(value))
    case .string(let value):
      try budget.spend(text: value.utf8.count)
      try text.append(PythonText.literal(value))
    case .markup(let value):
      try budget.spend(text: value.utf8.count)
      try text.append("Markup(\(PythonText.literal(value)))")
    case .list(let elements):
      try Self.write(elements.items, between: "[", "]", to: &text, budget)
    case .tuple(let elements):
      try Self.write(elements.items, between: "(", elements.items.count == 1 ? ",)" : ")", to: &text, budget)
    case .dictionary(let dictionary): try Self.write(dictionary, to: &text, budget)
    case .view(let view):
      try text.append(view.kind.rawValue)
      try Self.write(try view.items(), between: "([", "])", to: &text, budget)
    case .range(let range):
      try text.append("range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))")
    case .loop(let loop): try text.append("<LoopContext \(loop.index0 + 1)/\(try loop.length())>")
    case .macro(let macro):
      try text.append("<Macro \(macro.syntax.name.map(PythonText.literal) ?? "anonymous")>")
    case .namespace, .iterator, .method, .function, .cycler, .joiner:
      throw TemplateFault.unsupported("the text of a value of the type \(typeName)")
    }
  }

  private static func write(
    _ items: [TemplateValue], between start: String, _ end: String, to text: inout TemplateText,
    _ budget: TemplateBudget
  ) throws(HybridizeError) {
    try text.append(start)
    for (index, item) in items.enumerated() {
      if index > 0 { try text.append(", ") }
      try item.write(to: &text, budget)
    }
    try text.append(end)
  }

  private static func write(
    _ dictionary: TemplateDictionary, to text: inout TemplateText, _ budget: TemplateBudget
  ) throws(HybridizeError) {
    try text.append("{")
    for (index, (key, value)) in zip(dictionary.keys, dictionary.values).enumerated() {
      if index > 0 { try text.append(", ") }
      try key.write(to: &text, budget)
      try text.append(": ")
      try value.write(to: &text, budget)
    }
    try text.append("}")
  }

  /// Python's `repr` as a text.
  func literal(_ budget: TemplateBudget) throws(HybridizeError) -> String {
    var text = TemplateText(budget)
    try write(to: &text, budget)
    return text.text
  }

  /// Safe for HTML, as the filter `escape` makes it.
  static func escaped(_ text: String, _ budget: TemplateBudget) throws(HybridizeError) -> String {
    var escaped = TemplateText(budget)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": try escaped.append("&amp;")
      case "<": try escaped.append("&lt;")
      case ">": try escaped.append("&gt;")
      case "'": try escaped.append("&#39;")
      case "\"": try escaped.append("&#34;")
      default: try escaped.append(String(scalar))
      }
    }
    return escaped.text
  }
}
