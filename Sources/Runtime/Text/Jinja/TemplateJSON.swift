import HybridizeCore

/// Writes values as Python's `json.dumps`, which is what `tojson` is in transformers.
struct TemplateJSON {
  var isASCII = false
  /// What a level is indented by; `nil` for all in one line.
  var indent: String?
  var itemSeparator: String
  var keySeparator: String
  var sortsKeys = false
  private let budget: TemplateBudget
  private var text: TemplateText

  init(indent: String?, _ budget: TemplateBudget) {
    self.indent = indent
    self.budget = budget
    itemSeparator = indent == nil ? ", " : ","
    keySeparator = ": "
    text = TemplateText(budget)
  }

  /// - Throws: `.chatTemplateFailed` for what JSON has no form of, `.chatTemplateLimit`.
  mutating func dump(_ value: TemplateValue) throws(HybridizeError) -> String {
    try write(value, level: 0)
    return text.text
  }

  private mutating func write(_ value: TemplateValue, level: Int) throws(HybridizeError) {
    try budget.spend()
    switch value {
    case .none: try text.append("null")
    case .boolean(let flag): try text.append(flag ? "true" : "false")
    case .integer(let number): try text.append(String(number))
    case .float(let number): try text.append(Self.float(number))
    case .string(let string), .markup(let string): try write(string)
    case .list(let elements), .tuple(let elements):
      try write(elements.items.count, "[", "]", level) { (json, index) throws(HybridizeError) in
        try json.write(elements.items[index], level: level + 1)
      }
    case .dictionary(let dictionary):
      let order = sortsKeys ? try Self.sorted(dictionary, budget) : Array(0..<dictionary.count)
      try write(dictionary.count, "{", "}", level) { (json, index) throws(HybridizeError) in
        try json.write(try Self.name(of: dictionary.keys[order[index]]))
        try json.text.append(json.keySeparator)
        try json.write(dictionary.values[order[index]], level: level + 1)
      }
    default: throw TemplateFault.failed("Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private mutating func write(
    _ count: Int, _ start: String, _ end: String, _ level: Int,
    _ element: (inout TemplateJSON, Int) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    try text.append(start)
    for index in 0..<count {
      if index > 0 { try text.append(itemSeparator) }
      try newline(level + 1)
      try element(&self, index)
    }
    if count > 0 { try newline(level) }
    try text.append(end)
  }

  private mutating func newline(_ level: Int) throws(HybridizeError) {
    guard let indent else { return }
    try text.append("\n")
    for _ in 0..<level { try text.append(indent) }
  }

  private mutating func write(_ string: String) throws(HybridizeError) {
    try budget.spend(text: string.utf8.count)
    let quoted = JSONWriter.quoted(string)
    guard isASCII else { return try text.append(quoted) }
    for scalar in quoted.unicodeScalars {
      if scalar.value < 0x7F {
        try text.append(String(scalar))
      } else {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          try text.append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        }
      }
    }
  }

  private static func float(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return PythonNumber.literal(value)
  }

  private static func name(of key: TemplateValue) throws(HybridizeError) -> String {
    switch key {
    case .string(let text), .markup(let text): return text
    case .none: return "null"
    case .boolean(let flag): return flag ? "true" : "false"
    case .integer(let number): return String(number)
    case .float(let number): return float(number)
    default: throw TemplateFault.failed("keys must be str, int, float, bool or None, not \(key.typeName)")
    }
  }

  private static func sorted(
    _ dictionary: TemplateDictionary, _ budget: TemplateBudget
  ) throws(HybridizeError) -> [Int] {
    try TemplateSort.order(dictionary.keys, budget)
  }
}

/// Python's sort: stable, by `<` alone.
enum TemplateSort {
  /// The places of the keys in ascending order, or in descending order with equal keys as they were.
  ///
  /// - Throws: `.chatTemplateFailed` for keys without an order, `.chatTemplateLimit`.
  static func order(
    _ keys: [TemplateValue], descending: Bool = false, _ budget: TemplateBudget
  ) throws(HybridizeError) -> [Int] {
    try budget.spend(elements: keys.count)
    var order = Array(keys.indices)
    var width = 1
    while width < order.count {
      var merged: [Int] = []
      merged.reserveCapacity(order.count)
      for start in stride(from: 0, to: order.count, by: 2 * width) {
        let middle = min(start + width, order.count)
        let end = min(middle + width, order.count)
        var (left, right) = (start, middle)
        while left < middle, right < end {
          let (a, b) = (keys[order[left]], keys[order[right]])
          // The right one comes first only if it must.
          let takesRight = descending ? try a.isLess(than: b, budget) : try b.isLess(than: a, budget)
          merged.append(order[takesRight ? right : left])
          if takesRight { right += 1 } else { left += 1 }
        }
        merged += order[left..<middle]
        merged += order[right..<end]
      }
      order = merged
      width *= 2
    }
    return order
  }
}
