import HybridizeCore

/// Python's `format % values` and `format.format(values)`.
struct TemplateFormat {
  let budget: TemplateBudget

  init(_ budget: TemplateBudget) { self.budget = budget }

  // MARK: format % values

  /// - Throws: `.chatTemplateFailed`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  func percent(_ format: String, _ values: TemplateValue) throws(HybridizeError) -> String {
    var positional = [values]
    if case .tuple(let elements) = values { positional = elements.items }
    var next = 0
    func take() throws(HybridizeError) -> TemplateValue {
      guard next < positional.count else { throw TemplateFault.failed("not enough arguments for format string") }
      next += 1
      return positional[next - 1]
    }
    var text = TemplateText(budget)
    var usesNames = false
    let scalars = Array(format.unicodeScalars)
    var place = 0
    while place < scalars.count {
      let start = place
      while place < scalars.count, scalars[place] != "%" { place += 1 }
      if place > start { try text.append(Self.string(scalars[start..<place])) }
      guard place < scalars.count else { break }
      place += 1
      var name: String?
      if place < scalars.count, scalars[place] == "(" {
        name = try Self.key(scalars, &place)
        usesNames = true
      }
      var layout = TemplateLayout(alignment: ">")
      while place < scalars.count, let flag = TemplateLayout.Flag(rawValue: String(scalars[place])) {
        layout.set(flag)
        place += 1
      }
      layout.width = try width(scalars, &place, take) ?? 0
      if layout.width < 0 { (layout.alignment, layout.width) = ("<", 0 - layout.width) }
      if place < scalars.count, scalars[place] == "." {
        place += 1
        layout.precision = max(0, try width(scalars, &place, take) ?? 0)
      }
      while place < scalars.count, ["h", "l", "L"].contains(scalars[place]) { place += 1 }
      guard place < scalars.count else { throw TemplateFault.failed("incomplete format") }
      let type = scalars[place]
      place += 1
      if type == "%" {
        try text.append("%")
        continue
      }
      let value: TemplateValue
      if let name {
        guard case .dictionary(let dictionary) = values else { throw TemplateFault.failed("format requires a mapping") }
        guard let found = dictionary[name] else { throw TemplateFault.failed("no key '\(name)' for the format") }
        value = found
      } else {
        value = try take()
      }
      try text.append(try percent(value, type, layout))
    }
    if !usesNames, next < positional.count, !values.isSubscripted {
      throw TemplateFault.failed("not all arguments converted during string formatting")
    }
    return text.text
  }

  /// The name in `%(name)s`; brackets inside it are paired.
  private static func key(_ scalars: [Unicode.Scalar], _ place: inout Int) throws(HybridizeError) -> String {
    place += 1
    let start = place
    var open = 1
    while place < scalars.count {
      if scalars[place] == "(" { open += 1 }
      if scalars[place] == ")" { open -= 1 }
      place += 1
      if open == 0 { return string(scalars[start..<place - 1]) }
    }
    throw TemplateFault.failed("incomplete format key")
  }

  private func width(
    _ scalars: [Unicode.Scalar], _ place: inout Int, _ take: () throws(HybridizeError) -> TemplateValue
  ) throws(HybridizeError) -> Int? {
    if place < scalars.count, scalars[place] == "*" {
      place += 1
      guard case .integer(let width)? = try take().number else { throw TemplateFault.failed("* wants int") }
      guard width.magnitude <= budget.limits.textBytes else { throw TemplateFault.limit("a width of \(width)") }
      return width
    }
    return try TemplateLayout.number(scalars, &place, budget)
  }

  private func percent(
    _ value: TemplateValue, _ type: Unicode.Scalar, _ layout: TemplateLayout
  ) throws(HybridizeError) -> String {
    var layout = layout
    switch type {
    case "s", "r", "a":
      // Zeros pad numbers alone.
      layout.fill = " "
      guard type != "a" else { throw TemplateFault.unsupported("the format %a") }
      return try layout.text(type == "s" ? try value.string(budget) : try value.literal(budget), budget)
    case "c":
      layout.fill = " "
      if case .integer(let code)? = value.number {
        guard let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
          throw TemplateFault.failed("%c arg not in range")
        }
        return try layout.text(String(scalar), budget)
      }
      guard let text = value.text, text.unicodeScalars.count == 1 else {
        throw TemplateFault.failed("%c requires int or char")
      }
      return try layout.text(text, budget)
    case "d", "i", "u": return try layout.integer(try whole(value, of: "%d"), type: "d", budget)
    case "x", "X", "o":
      guard case .integer(let number)? = value.number else {
        throw TemplateFault.failed("%\(type) format: an integer is required, not \(value.typeName)")
      }
      return try layout.integer(number, type: type, budget)
    case "e", "E", "f", "F", "g", "G":
      guard let number = value.number else {
        throw TemplateFault.failed("must be real number, not \(value.typeName)")
      }
      return try layout.float(number.double, type: type, budget)
    default: throw TemplateFault.failed("unsupported format character '\(type)'")
    }
  }

  private func whole(_ value: TemplateValue, of format: String) throws(HybridizeError) -> Int {
    switch value.number {
    case .integer(let number)?: return number
    case .float(let number)?:
      guard let whole = Int(exactly: number.rounded(.towardZero)) else {
        throw TemplateFault.unsupported("an integer of more than 64 bits")
      }
      return whole
    case nil: throw TemplateFault.failed("\(format) format: a real number is required, not \(value.typeName)")
    }
  }

  // MARK: format.format(values)

  /// - Parameter lookUp: an attribute or an element of a value.
  /// - Throws: `.chatTemplateFailed`, `.chatTemplateUnsupported`, `.chatTemplateLimit`.
  func braces(
    _ format: String, _ arguments: TemplateArguments,
    lookUp: (TemplateValue, TemplateValue, Bool) throws(HybridizeError) -> TemplateValue
  ) throws(HybridizeError) -> String {
    var text = TemplateText(budget)
    let scalars = Array(format.unicodeScalars)
    var place = 0
    var next = 0
    while place < scalars.count {
      let scalar = scalars[place]
      place += 1
      guard scalar == "{" || scalar == "}" else {
        try text.append(String(scalar))
        continue
      }
      if place < scalars.count, scalars[place] == scalar {
        try text.append(String(scalar))
        place += 1
        continue
      }
      guard scalar == "{", let end = scalars[place...].firstIndex(of: "}") else {
        throw TemplateFault.failed("a single '\(scalar)' in a format string")
      }
      let field = Self.string(scalars[place..<end])
      guard !field.contains("{") else { throw TemplateFault.unsupported("a field inside a field of a format") }
      place = end + 1
      let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let named = parts[0].split(separator: "!", maxSplits: 1, omittingEmptySubsequences: false)
      var value = try self.field(String(named[0]), arguments, &next, lookUp)
      switch named.count > 1 ? named[1] : "" {
      case "": break
      case "s": value = .string(try value.string(budget))
      case "r": value = .string(try value.literal(budget))
      default: throw TemplateFault.failed("an unknown conversion of a format")
      }
      try text.append(try TemplateLayout.format(value, parts.count > 1 ? String(parts[1]) : "", budget))
    }
    return text.text
  }

  /// `name.attribute[element]`
  private func field(
    _ field: String, _ arguments: TemplateArguments, _ next: inout Int,
    _ lookUp: (TemplateValue, TemplateValue, Bool) throws(HybridizeError) -> TemplateValue
  ) throws(HybridizeError) -> TemplateValue {
    let first = field.prefix { $0 != "." && $0 != "[" }
    var value: TemplateValue
    if first.isEmpty || Int(first) != nil {
      let index = Int(first) ?? next
      // Counting and naming do not mix; -1 stands for the latter.
      guard first.isEmpty == (next >= 0) || next == 0 else {
        throw TemplateFault.failed("numbered and unnumbered fields in a format")
      }
      next = first.isEmpty ? next + 1 : -1
      guard arguments.positional.indices.contains(index) else {
        throw TemplateFault.failed("no argument \(index) for the format")
      }
      value = arguments.positional[index]
    } else {
      guard let found = arguments.named.first(where: { $0.name == first }) else {
        throw TemplateFault.failed("no argument '\(first)' for the format")
      }
      value = found.value
    }
    var rest = field[first.endIndex...]
    while let sign = rest.first {
      rest.removeFirst()
      if sign == "." {
        let name = rest.prefix { $0 != "." && $0 != "[" }
        value = try lookUp(value, .string(String(name)), true)
        rest = rest[name.endIndex...]
      } else {
        let name = rest.prefix { $0 != "]" }
        guard sign == "[", name.endIndex < rest.endIndex else {
          throw TemplateFault.failed("a field of a format without its end")
        }
        value = try lookUp(value, Int(name).map { .integer($0) } ?? .string(String(name)), false)
        rest = rest[name.endIndex...].dropFirst()
      }
    }
    return value
  }

  static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}

extension TemplateValue {
  /// What Python takes for a mapping here, whose elements need not all be used.
  fileprivate var isSubscripted: Bool {
    switch self {
    case .dictionary, .list, .range, .undefined: true
    default: false
    }
  }
}
