import HybridizeCore

/// Python's dictionary: in the order of insertion, with any key that does not change.
struct TemplateDictionary {
  private(set) var keys: [TemplateValue] = []
  private(set) var values: [TemplateValue] = []
  private(set) var depth = 1
  private var places: [TemplateKey: Int] = [:]

  init() {}

  var count: Int { keys.count }

  subscript(name: String) -> TemplateValue? { places[.text(UTF8Key(name))].map { values[$0] } }

  /// - Throws: `.chatTemplateFailed` if the key can be none.
  func value(_ key: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) -> TemplateValue? {
    places[try TemplateKey(key, budget)].map { values[$0] }
  }

  /// - Throws: `.chatTemplateFailed` if the key can be none, `.chatTemplateLimit`.
  mutating func set(_ key: TemplateValue, _ value: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) {
    depth = max(depth, try TemplateValue.checkDepth(max(key.depth, value.depth) + 1))
    let name = try TemplateKey(key, budget)
    if let place = places[name] {
      values[place] = value
    } else {
      try budget.spend(elements: 2)
      places[name] = keys.count
      keys.append(key)
      values.append(value)
    }
  }

  /// - Throws: `.chatTemplateLimit`.
  mutating func set(_ name: String, _ value: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) {
    try set(.string(name), value, budget)
  }
}

/// A value as a key: numbers that are equal are one key, whatever their type.
indirect enum TemplateKey: Hashable {
  case none
  case integer(Int)
  case float(Double)
  case text(UTF8Key)
  case tuple([TemplateKey])
  case object(ObjectIdentifier)
  case function(String)
  case undefined

  /// - Throws: `.chatTemplateFailed` for what has no hash in Python.
  init(_ value: TemplateValue, _ budget: TemplateBudget) throws(HybridizeError) {
    try budget.spend()
    switch value {
    case .none: self = .none
    case .boolean(let flag): self = .integer(flag ? 1 : 0)
    case .integer(let number): self = .integer(number)
    case .float(let number): self = Int(exactly: number).map { .integer($0) } ?? .float(number)
    case .string(let text), .markup(let text):
      try budget.spend(reading: text.utf8.count)
      self = .text(UTF8Key(text))
    case .tuple(let elements):
      var keys: [TemplateKey] = []
      for item in elements.items { keys.append(try TemplateKey(item, budget)) }
      self = .tuple(keys)
    case .namespace(let object): self = .object(ObjectIdentifier(object))
    case .macro(let object): self = .object(ObjectIdentifier(object))
    case .iterator(let object): self = .object(ObjectIdentifier(object))
    case .loop(let object): self = .object(ObjectIdentifier(object))
    case .cycler(let object): self = .object(ObjectIdentifier(object))
    case .joiner(let object): self = .object(ObjectIdentifier(object))
    case .function(let name): self = .function(name)
    case .undefined: self = .undefined
    case .range, .view, .method: throw TemplateFault.unsupported("a \(value.typeName) as a key")
    case .list, .dictionary: throw TemplateFault.failed("unhashable type: '\(value.typeName)'")
    }
  }
}

extension TemplateValue {
  /// A value of JSON. Numbers with a fraction or an exponent are floats, as in Python.
  ///
  /// - Throws: `.chatTemplateUnsupported` for integers beyond 64 bits, `.chatTemplateLimit`.
  init(json: JSONValue, _ budget: TemplateBudget) throws(HybridizeError) {
    switch json {
    case .null: self = .none
    case .bool(let flag): self = .boolean(flag)
    case .number(let text):
      if text.contains(where: { $0 == "." || $0 == "e" || $0 == "E" }) {
        guard let value = Double(text) else { throw TemplateFault.unsupported("the number \(text.prefix(40))") }
        self = .float(value)
      } else if let value = Int(text) {
        self = .integer(value)
      } else {
        throw TemplateFault.unsupported("an integer of more than 64 bits, \(text.prefix(40))")
      }
    case .string(let text): self = .string(text)
    case .array(let elements):
      try budget.spend(elements: elements.count)
      var items: [TemplateValue] = []
      for element in elements { items.append(try TemplateValue(json: element, budget)) }
      self = .list(try TemplateElements(items))
    case .object(let object):
      var dictionary = TemplateDictionary()
      for (key, value) in object.members {
        try dictionary.set(key, try TemplateValue(json: value, budget), budget)
      }
      self = .dictionary(dictionary)
    }
  }
}
