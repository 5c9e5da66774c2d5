import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Python's operators.
struct TemplateOperators {
  let budget: TemplateBudget

  /// - Throws: `.chatTemplateFailed` for operands that the operator does not take, `.chatTemplateUnsupported` for integers
  ///   beyond 64 bits, `.chatTemplateLimit`.
  func apply(_ sign: String, _ a: TemplateValue, _ b: TemplateValue) throws(HybridizeError) -> TemplateValue {
    for case .undefined(let message) in [a, b] {
      // A format takes it, and prints nothing for it.
      if sign == "%", a.text != nil { break }
      throw TemplateFault.failed(message)
    }
    if let left = a.number, let right = b.number { return try arithmetic(sign, left, right) }
    switch (sign, a, b) {
    case ("+", _, _): if let sum = try sum(a, b) { return sum }
    case ("*", _, _):
      if let product = try repeated(a, b) { return product }
      if let product = try repeated(b, a) { return product }
    case ("%", .string(let format), _):
      return .string(try TemplateFormat(budget).percent(format, b))
    case (_, .markup, _), (_, _, .markup): throw TemplateFault.unsupported("'\(sign)' on safe text")
    case ("-", .view, _), ("-", _, .view): throw TemplateFault.unsupported("'-' on the keys of dictionaries")
    default: break
    }
    throw TemplateFault.failed("unsupported operand types for \(sign): '\(a.typeName)' and '\(b.typeName)'")
  }

  // MARK: Texts and lists

  private func sum(_ a: TemplateValue, _ b: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    switch (a, b) {
    case (.string(let a), .string(let b)):
      try budget.spend(text: a.utf8.count + b.utf8.count)
      return .string(a + b)
    case (.markup(let a), .markup(let b)):
      try budget.spend(text: a.utf8.count + b.utf8.count)
      return .markup(a + b)
    case (.markup(let a), .string(let b)):
      return .markup(a + (try TemplateValue.escaped(b, budget)))
    case (.string(let a), .markup(let b)):
      return .markup(try TemplateValue.escaped(a, budget) + b)
    case (.list(let a), .list(let b)):
      try budget.spend(elements: a.items.count + b.items.count)
      return .list(try TemplateElements(a.items + b.items))
    case (.tuple(let a), .tuple(let b)):
      try budget.spend(elements: a.items.count + b.items.count)
      return .tuple(try TemplateElements(a.items + b.items))
    default: return nil
    }
  }

  private func repeated(_ value: TemplateValue, _ times: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    guard case .integer(let number)? = times.number else { return nil }
    let times = max(0, number)
    func size(_ count: Int) throws(HybridizeError) -> Int {
      let (size, overflow) = count.multipliedReportingOverflow(by: times)
      return overflow ? .max : size
    }
    switch value {
    case .string(let text), .markup(let text):
      try budget.spend(text: try size(text.utf8.count))
      let repeated = String(repeating: text, count: text.isEmpty ? 0 : times)
      if case .markup = value { return .markup(repeated) }
      return .string(repeated)
    case .list(let elements), .tuple(let elements):
      try budget.spend(elements: try size(elements.items.count))
      var items: [TemplateValue] = []
      if !elements.items.isEmpty { for _ in 0..<times { items += elements.items } }
      let result = try TemplateElements(items)
      if case .list = value { return .list(result) }
      return .tuple(result)
    default: return nil
    }
  }

  /// `~`: the texts of values, one after the other.
  func concatenation(_ values: [TemplateValue]) throws(HybridizeError) -> TemplateValue {
    var text = TemplateText(budget)
    for value in values { try text.append(try value.string(budget)) }
    return .string(text.text)
  }

  // MARK: Numbers

  private func arithmetic(
    _ sign: String, _ a: TemplateNumber, _ b: TemplateNumber
  ) throws(HybridizeError) -> TemplateValue {
    if case .integer(let a) = a, case .integer(let b) = b, sign != "/", sign != "**" || b >= 0 {
      return .integer(try integers(sign, a, b))
    }
    let (a, b) = (a.double, b.double)
    switch sign {
    case "+": return .float(a + b)
    case "-": return .float(a - b)
    case "*": return .float(a * b)
    case "/", "//", "%":
      guard b != 0 else { throw TemplateFault.failed("division by zero") }
      if sign == "/" { return .float(a / b) }
      let (quotient, remainder) = Self.divide(a, b)
      return .float(sign == "//" ? quotient : remainder)
    case "**":
      if a == 0, b < 0 { throw TemplateFault.failed("0.0 cannot be raised to a negative power") }
      let power = pow(a, b)
      if power.isNaN, !a.isNaN, !b.isNaN { throw TemplateFault.unsupported("a complex number") }
      if power.isInfinite, a.isFinite, b.isFinite { throw TemplateFault.failed("Numerical result out of range") }
      return .float(power)
    default: throw TemplateFault.unsupported("the operator '\(sign)'")
    }
  }

  private func integers(_ sign: String, _ a: Int, _ b: Int) throws(HybridizeError) -> Int {
    let result: (partialValue: Int, overflow: Bool)
    switch sign {
    case "+": result = a.addingReportingOverflow(b)
    case "-": result = a.subtractingReportingOverflow(b)
    case "*": result = a.multipliedReportingOverflow(by: b)
    case "//", "%":
      guard b != 0 else { throw TemplateFault.failed("integer division or modulo by zero") }
      let isQuotient = sign == "//"
      // The smallest integer by -1 is the one quotient that does not fit; its remainder is 0.
      guard !a.dividedReportingOverflow(by: b).overflow else {
        if isQuotient { throw tooLarge }
        return 0
      }
      let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
      // Python rounds down, so that the remainder has the sign of the divisor.
      let adjusts = remainder != 0 && (remainder < 0) != (b < 0)
      return isQuotient ? quotient - (adjusts ? 1 : 0) : remainder + (adjusts ? b : 0)
    case "**": return try power(a, b)
    default: throw TemplateFault.unsupported("the operator '\(sign)'")
    }
    guard !result.overflow else { throw tooLarge }
    return result.partialValue
  }

  private func power(_ base: Int, _ exponent: Int) throws(HybridizeError) -> Int {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    var power = 1
    // Any other base is beyond 64 bits after 64 factors.
    for _ in 0..<min(exponent, 64) {
      let (next, overflow) = power.multipliedReportingOverflow(by: base)
      guard !overflow else { throw tooLarge }
      power = next
    }
    return power
  }

  private var tooLarge: HybridizeError { TemplateFault.unsupported("an integer of more than 64 bits") }

  /// Rounded down, with a remainder of the divisor's sign.
  private static func divide(_ a: Double, _ b: Double) -> (quotient: Double, remainder: Double) {
    var remainder = a.truncatingRemainder(dividingBy: b)
    var quotient = (a - remainder) / b
    if remainder != 0 {
      if (b < 0) != (remainder < 0) {
        remainder += b
        quotient -= 1
      }
    } else {
      remainder = b < 0 ? -0.0 : 0.0
    }
    guard quotient != 0 else { return ((a / b).sign == .minus ? -0.0 : 0.0, remainder) }
    let floor = quotient.rounded(.down)
    return (quotient - floor > 0.5 ? floor + 1 : floor, remainder)
  }

  /// - Throws: `.chatTemplateFailed`, `.chatTemplateUnsupported`.
  func negated(_ value: TemplateValue, negative: Bool) throws(HybridizeError) -> TemplateValue {
    switch value.number {
    case .integer(let number)?:
      guard negative else { return .integer(number) }
      let (result, overflow) = 0.subtractingReportingOverflow(number)
      guard !overflow else { throw tooLarge }
      return .integer(result)
    case .float(let number)?: return .float(negative ? -number : number)
    case nil:
      if case .undefined(let message) = value { throw TemplateFault.failed(message) }
      throw TemplateFault.failed("bad operand type for unary \(negative ? "-" : "+"): '\(value.typeName)'")
    }
  }

  // MARK: Comparisons

  func compare(_ sign: String, _ a: TemplateValue, _ b: TemplateValue) throws(HybridizeError) -> Bool {
    switch sign {
    case "==": return try a.equals(b, budget)
    case "!=": return try !a.equals(b, budget)
    case "in": return try b.contains(a, budget)
    case "not in": return try !b.contains(a, budget)
    case "<": return try a.isLess(than: b, budget)
    case ">": return try b.isLess(than: a, budget)
    // What is not less may still not be more: NaN.
    case "<=": return try a.isLess(than: b, budget) ? true : try a.equals(b, budget)
    default: return try b.isLess(than: a, budget) ? true : try a.equals(b, budget)
    }
  }

  // MARK: Slices

  /// Python's `value[from:to:step]`.
  func slice(
    _ value: TemplateValue, from: TemplateValue?, to: TemplateValue?, step: TemplateValue?
  ) throws(HybridizeError) -> TemplateValue {
    let step = try step.integer("step of a slice", default: 1)
    guard step != 0 else { throw TemplateFault.failed("slice step cannot be zero") }
    func places(_ count: Int) throws(HybridizeError) -> TemplateRange {
      func bounded(_ place: Int) -> Int {
        let place = place < 0 ? max(place + count, -1) : place
        return step > 0 ? min(max(place, 0), count) : min(place, count - 1)
      }
      let start = bounded(try from.integer("start of a slice", default: step > 0 ? 0 : .max))
      // Before the first is a place of its own where a slice goes back.
      let isOpen = to?.isNone ?? true
      let stop = isOpen ? (step > 0 ? count : -1) : bounded(try to.integer("end of a slice", default: 0))
      return TemplateRange(placesFrom: start, to: stop, by: step)
    }
    func picked(_ items: [TemplateValue]) throws(HybridizeError) -> TemplateElements {
      let places = try places(items.count)
      try budget.spend(elements: places.count)
      return try TemplateElements((0..<places.count).map { items[places[$0]] })
    }
    switch value {
    case .list(let elements): return .list(try picked(elements.items))
    case .tuple(let elements): return .tuple(try picked(elements.items))
    case .string(let text), .markup(let text):
      try budget.spend(text: text.utf8.count)
      let scalars = Array(text.unicodeScalars)
      let places = try places(scalars.count)
      var result = String.UnicodeScalarView()
      result.append(contentsOf: (0..<places.count).lazy.map { scalars[places[$0]] })
      if case .markup = value { return .markup(String(result)) }
      return .string(String(result))
    case .range(let range):
      return .range(try range.slice(try places(range.count)))
    case .undefined(let message): throw TemplateFault.failed(message)
    default: throw TemplateFault.failed("'\(value.typeName)' object has no slices")
    }
  }
}
