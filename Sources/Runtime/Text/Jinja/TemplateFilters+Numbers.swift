import HybridizeCore

extension TemplateFilters {
  /// Filters that have to do with numbers; `nil` if there is none of the name.
  func ofNumbers(_ name: String, _ value: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    switch name {
    case "abs":
      try noArguments(name)
      switch value.number {
      case .float(let number)?: return .float(number.magnitude)
      case .integer(let number)?:
        return try TemplateOperators(budget: budget).negated(.integer(number), negative: number < 0)
      case nil: throw TemplateFault.failed("bad operand type for abs(): '\(value.typeName)'")
      }
    case "int": return try int(value)
    case "float":
      let fallback = try bind(["default"], name)[0] ?? .float(0)
      if case .undefined(let message) = value { throw TemplateFault.failed(message) }
      if let number = value.number { return .float(number.double) }
      return value.text.flatMap(PythonNumber.float).map { .float($0) } ?? fallback
    case "round": return try round(value)
    case "sum":
      let values = try bind(["attribute", "start"], name)
      var sum = values[1] ?? .integer(0)
      if sum.text != nil { throw TemplateFault.failed("sum() can't sum strings") }
      for element in try value.elements(budget) {
        var element = element
        if let path = values[0], !path.isNone { element = try attribute(path, of: element) }
        sum = try TemplateOperators(budget: budget).apply("+", sum, element)
      }
      return sum
    default: return nil
    }
  }

  private func int(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["default", "base"], "int")
    let fallback = values[0] ?? .integer(0)
    let base = try values[1].integer("base", default: 10)
    func whole(_ number: Double) throws(HybridizeError) -> TemplateValue {
      guard let whole = Int(exactly: number.rounded(.towardZero)) else {
        throw TemplateFault.unsupported("an integer of more than 64 bits")
      }
      return .integer(whole)
    }
    switch value {
    case .undefined(let message): throw TemplateFault.failed(message)
    case .string(let text), .markup(let text):
      if base == 0 || (2...36).contains(base) {
        switch PythonNumber.integer(text, base: base) {
        case .value(let number): return .integer(number)
        case .tooLarge: throw TemplateFault.unsupported("an integer of more than 64 bits")
        case .invalid: break
        }
      }
      guard let number = PythonNumber.float(text), number.isFinite else { return fallback }
      return try whole(number)
    case .float(let number):
      if number.isNaN { return fallback }
      guard number.isFinite else { throw TemplateFault.failed("cannot convert float infinity to integer") }
      return try whole(number)
    default:
      guard case .integer(let number)? = value.number else { return fallback }
      return .integer(number)
    }
  }

  private func round(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["precision", "method"], "round")
    let precision = try values[0].integer("precision", default: 0)
    let method = try values[1].text("method") ?? "common"
    guard ["common", "ceil", "floor"].contains(method) else {
      throw TemplateFault.failed("method must be common, ceil or floor")
    }
    guard let number = value.number else {
      if case .undefined(let message) = value { throw TemplateFault.failed(message) }
      throw TemplateFault.failed("type \(value.typeName) doesn't define __round__ method")
    }
    guard method == "common" else {
      let operators = TemplateOperators(budget: budget)
      let scale = try operators.apply("**", .integer(10), .integer(precision))
      let scaled = try operators.apply("*", value, scale)
      var whole = scaled
      if case .float(let number) = scaled {
        guard let integer = Int(exactly: number.rounded(method == "ceil" ? .up : .down)) else {
          throw TemplateFault.unsupported("an integer of more than 64 bits")
        }
        whole = .integer(integer)
      }
      return try operators.apply("/", whole, scale)
    }
    switch number {
    case .integer(let integer):
      guard precision < 0 else { return .integer(integer) }
      return .integer(try Self.rounded(integer, zeros: 0 - max(precision, -40)))
    case .float(let float):
      // Beyond these, nothing changes or nothing is left.
      guard float.isFinite, precision < 400 else { return .float(float) }
      let rounded = ExactDecimal(float).rounded(places: max(precision, -400)).value
      guard rounded.isFinite else { throw TemplateFault.failed("rounded value too large to represent") }
      return .float(float.sign == .minus ? -rounded : rounded)
    }
  }

  /// To a multiple of a power of ten, half to even.
  private static func rounded(_ number: Int, zeros: Int) throws(HybridizeError) -> Int {
    guard zeros < 19 else { return 0 }
    var unit = 1
    for _ in 0..<zeros { unit *= 10 }
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: unit)
    let rest = remainder.magnitude
    let half = UInt(unit / 2)
    let isOdd = quotient % 2 != 0
    let away = rest > half || rest == half && (isOdd && unit > 1)
    let rounded = quotient + (away ? (number < 0 ? -1 : 1) : 0)
    let (result, overflow) = rounded.multipliedReportingOverflow(by: unit)
    guard !overflow else { throw TemplateFault.unsupported("an integer of more than 64 bits") }
    return result
  }
}
