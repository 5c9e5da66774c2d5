import HybridizeCore

extension TemplateValue {
  /// Python's truth of a value.
  ///
  /// - Throws: what counting the elements of a loop can throw.
  func isTrue() throws(HybridizeError) -> Bool {
    switch self {
    case .undefined, .none: false
    case .boolean(let flag): flag
    case .integer(let number): number != 0
    case .float(let number): number != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .list(let elements), .tuple(let elements): !elements.items.isEmpty
    case .dictionary(let dictionary): dictionary.count > 0
    case .view(let view): view.dictionary.count > 0
    case .range(let range): range.count > 0
    case .loop(let loop): try loop.length() > 0
    case .iterator, .namespace, .macro, .method, .function, .cycler, .joiner: true
    }
  }

  /// A number, with booleans as 0 and 1.
  var number: TemplateNumber? {
    switch self {
    case .boolean(let flag): .integer(flag ? 1 : 0)
    case .integer(let value): .integer(value)
    case .float(let value): .float(value)
    default: nil
    }
  }

  /// Python's `==`.
  ///
  /// - Throws: `.chatTemplateLimit`.
  func equals(_ other: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) -> Bool {
    try budget.spend()
    if let a = number, let b = other.number { return a == b }
    switch (self, other) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let a), .string(let b)), (.string(let a), .markup(let b)), (.markup(let a), .string(let b)),
      (.markup(let a), .markup(let b)):
      try budget.spend(reading: min(a.utf8.count, b.utf8.count))
      return a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return try Self.equal(a.items, b.items, budget)
    case (.dictionary(let a), .dictionary(let b)):
      guard a.count == b.count else { return false }
      for (key, value) in zip(a.keys, a.values) {
        guard let found = try b.value(key, budget), try value.equals(found, budget) else { return false }
      }
      return true
    case (.range(let a), .range(let b)): return try Self.equal(a.items, b.items, budget)
    case (.namespace(let a), .namespace(let b)): return a === b
    case (.macro(let a), .macro(let b)): return a === b
    case (.iterator(let a), .iterator(let b)): return a === b
    case (.loop(let a), .loop(let b)): return a === b
    case (.cycler(let a), .cycler(let b)): return a === b
    case (.joiner(let a), .joiner(let b)): return a === b
    case (.function(let a), .function(let b)): return a == b
    case (.view, .view), (.method, .method):
      throw TemplateFault.unsupported("comparing two values of the type \(typeName)")
    default: return false
    }
  }

  private static func equal(
    _ a: [TemplateValue], _ b: [TemplateValue], _ budget: TemplateBudget
  ) throws(HybridizeError) -> Bool {
    guard a.count == b.count else { return false }
    for (a, b) in zip(a, b) {
      guard try a.equals(b, budget) else { return false }
    }
    return true
  }

  /// Python's `<`.
  ///
  /// - Throws: `.chatTemplateFailed` for values without an order, `.chatTemplateLimit`.
  func isLess(than other: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) -> Bool {
    try budget.spend()
    if let a = number, let b = other.number { return a < b }
    if let a = text, let b = other.text {
      try budget.spend(reading: min(a.utf8.count, b.utf8.count))
      // The order of the bytes of UTF-8 is that of the code points.
      return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
    switch (self, other) {
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (a, b) in zip(a.items, b.items) where try !a.equals(b, budget) { return try a.isLess(than: b, budget) }
      return a.items.count < b.items.count
    case (.undefined(let message), _), (_, .undefined(let message)): throw TemplateFault.failed(message)
    default: throw TemplateFault.failed("'\(typeName)' and '\(other.typeName)' have no order")
    }
  }

  /// Python's `in`.
  ///
  /// - Throws: `.chatTemplateFailed` for what has no elements, `.chatTemplateLimit`.
  func contains(_ value: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) -> Bool {
    switch self {
    case .string(let text), .markup(let text):
      guard let part = value.text else {
        throw TemplateFault.failed("'in <string>' requires string as left operand, not \(value.typeName)")
      }
      try budget.spend(reading: text.utf8.count + part.utf8.count)
      return PythonText.find(part, in: text) != nil
    case .dictionary(let dictionary): return try dictionary.value(value, budget) != nil
    case .range(let range):
      guard let number = value.number else { return false }
      switch number {
      case .integer(let integer): return range.contains(integer)
      case .float(let float): return Int(exactly: float).map { range.contains($0) } ?? false
      }
    case .view(let view) where view.kind == .keys: return try view.dictionary.value(value, budget) != nil
    case .iterator(let iterator):
      while let element = try iterator.next() {
        if try element.equals(value, budget) { return true }
      }
      return false
    default:
      for element in try elements(budget) where try element.equals(value, budget) { return true }
      return false
    }
  }

  /// All elements of what has some.
  ///
  /// - Throws: `.chatTemplateFailed` for what has none, `.chatTemplateLimit`.
  func elements(_ budget: TemplateBudget) throws(HybridizeError) -> [TemplateValue] {
    switch self {
    case .undefined: return []
    case .string(let text), .markup(let text):
      try budget.spend(elements: text.unicodeScalars.count)
      return text.unicodeScalars.map { .string(String($0)) }
    case .list(let elements), .tuple(let elements):
      try budget.spend(steps: elements.items.count)
      return elements.items
    case .dictionary(let dictionary):
      try budget.spend(steps: dictionary.count)
      return dictionary.keys
    case .view(let view):
      try budget.spend(elements: 2 * view.dictionary.count)
      return try view.items()
    case .range(let range):
      try budget.spend(elements: range.count)
      return range.items
    case .iterator(let iterator):
      var elements: [TemplateValue] = []
      while let element = try iterator.next() {
        try budget.spend(elements: 1)
        elements.append(element)
      }
      return elements
    case .loop: throw TemplateFault.unsupported("the elements of 'loop'")
    default: throw TemplateFault.failed("'\(typeName)' object is not iterable")
    }
  }
}

/// A number of Python's: integers of 64 bits here, and floats.
enum TemplateNumber: Equatable {
  case integer(Int)
  case float(Double)

  var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .float(let value): value
    }
  }

  /// Exact, also where an integer has no float.
  static func == (a: TemplateNumber, b: TemplateNumber) -> Bool {
    switch (a, b) {
    case (.integer(let a), .integer(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.integer(let a), .float(let b)), (.float(let b), .integer(let a)): Int(exactly: b) == a
    }
  }

  static func < (a: TemplateNumber, b: TemplateNumber) -> Bool {
    switch (a, b) {
    case (.integer(let a), .integer(let b)): return a < b
    case (.float(let a), .float(let b)): return a < b
    case (.integer(let a), .float(let b)):
      guard !b.isNaN else { return false }
      // What lies outside is beyond every integer of 64 bits.
      guard b < 0x1p63 else { return true }
      guard b > -0x1p63 else { return false }
      return a < Int(b.rounded(.up))
    case (.float(let a), .integer(let b)):
      guard !a.isNaN else { return false }
      guard a < 0x1p63 else { return false }
      guard a >= -0x1p63 else { return true }
      return Int(a.rounded(.down)) < b
    }
  }
}
