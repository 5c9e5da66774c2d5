import HybridizeCore

/// Filters that look at one element after the other, and no sooner than it is asked for.
extension TemplateFilters {
  /// `nil` if there is none of the name.
  func ofChoices(_ name: String, _ value: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    switch name {
    case "map": return try mapped(value)
    case "select": return try chosen(value, keeps: true, byAttribute: false)
    case "reject": return try chosen(value, keeps: false, byAttribute: false)
    case "selectattr": return try chosen(value, keeps: true, byAttribute: true)
    case "rejectattr": return try chosen(value, keeps: false, byAttribute: true)
    default: return nil
    }
  }

  /// What gives the elements of a value one by one, without asking an iterator for more than is needed.
  private func source(
    _ value: TemplateValue
  ) throws(HybridizeError) -> () throws(HybridizeError) -> TemplateValue? {
    if case .iterator(let iterator) = value {
      return { () throws(HybridizeError) in try iterator.next() }
    }
    let items = try value.isTrue() ? try value.elements(budget) : []
    var place = 0
    return { () throws(HybridizeError) in
      guard place < items.count else { return nil }
      place += 1
      return items[place - 1]
    }
  }

  private func mapped(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let source = try source(value)
    let (interpreter, budget) = (interpreter, budget)
    if arguments.positional.isEmpty, let path = arguments.named.first(where: { $0.name == "attribute" })?.value {
      let fallback = arguments.named.first { $0.name == "default" }?.value
      if let other = arguments.named.first(where: { $0.name != "attribute" && $0.name != "default" }) {
        throw TemplateFault.failed("Unexpected keyword argument '\(other.name)'")
      }
      return .iterator(
        try TemplateIterator(over: value) { () throws(HybridizeError) in
          try budget.spend()
          guard let item = try source() else { return nil }
          return try attribute(path, of: item, default: fallback)
        })
    }
    guard let name = arguments.positional.first else { throw TemplateFault.failed("map requires a filter argument") }
    guard let name = name.text else { throw TemplateFault.failed("map requires the name of a filter") }
    var rest = arguments
    rest.positional.removeFirst()
    return .iterator(
      try TemplateIterator(over: value) { [rest] () throws(HybridizeError) in
        try budget.spend()
        guard let item = try source() else { return nil }
        return try interpreter.nested { (interpreter) throws(HybridizeError) in
          try TemplateFilters.apply(name, to: item, rest, interpreter)
        }
      })
  }

  private func chosen(
    _ value: TemplateValue, keeps: Bool, byAttribute: Bool
  ) throws(HybridizeError) -> TemplateValue {
    var rest = arguments
    var path: TemplateValue?
    if byAttribute {
      guard !rest.positional.isEmpty else { throw TemplateFault.failed("Missing parameter for attribute name") }
      path = rest.positional.removeFirst()
    }
    var test: String?
    if !rest.positional.isEmpty {
      guard let name = rest.positional.removeFirst().text else {
        throw TemplateFault.failed("the name of a test is a text")
      }
      test = name
    }
    let source = try source(value)
    let (interpreter, budget) = (interpreter, budget)
    return .iterator(
      try TemplateIterator(over: value) { [rest, path, test] () throws(HybridizeError) in
        while let item = try source() {
          try budget.spend()
          var looked = item
          if let path { looked = try attribute(path, of: item) }
          let holds: Bool
          if let test {
            holds = try TemplateTests.check(test, looked, rest, interpreter)
          } else {
            holds = try looked.isTrue()
          }
          if holds == keeps { return item }
        }
        return nil
      })
  }
}
