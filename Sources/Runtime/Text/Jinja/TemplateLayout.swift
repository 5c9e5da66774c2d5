import HybridizeCore

/// How a value is laid out in a format: `width`, `precision`, signs and padding.
struct TemplateLayout {
  enum Flag: String {
    case left = "-"
    case plus = "+"
    case space = " "
    case zero = "0"
    case alternate = "#"
  }

  var alignment: Character
  var fill: Character = " "
  /// What a number that is not negative begins with.
  var sign = ""
  var width = 0
  var precision: Int?
  var grouping: Character?
  var isAlternate = false
  /// Whether padding stands between the sign and the digits.
  var padsInside = false

  /// No float has more digits than this that are not zero.
  private static let largestPrecision = 1100

  init(alignment: Character) { self.alignment = alignment }

  mutating func set(_ flag: Flag) {
    switch flag {
    case .left: alignment = "<"
    case .plus: sign = "+"
    case .space: if sign.isEmpty { sign = " " }
    case .zero: (fill, padsInside) = ("0", true)
    case .alternate: isAlternate = true
    }
  }

  /// A number of a format; `nil` if none stands here.
  static func number(
    _ scalars: [Unicode.Scalar], _ place: inout Int, _ budget: TemplateBudget
  ) throws(HybridizeError) -> Int? {
    var number: Int?
    while place < scalars.count, ("0"..."9").contains(scalars[place]) {
      number = (number ?? 0) * 10 + Int(scalars[place].value) - 0x30
      guard let value = number, value <= budget.limits.textBytes else {
        throw TemplateFault.limit("a width of more than \(budget.limits.textBytes)")
      }
      place += 1
    }
    return number
  }

  // MARK: Kinds of values

  /// A text, cut to the precision.
  func text(_ text: String, _ budget: TemplateBudget) throws(HybridizeError) -> String {
    let text = precision.map { String(text.unicodeScalars.prefix($0)) } ?? text
    return try padded(sign: "", text, budget)
  }

  func integer(_ number: Int, type: Unicode.Scalar, _ budget: TemplateBudget) throws(HybridizeError) -> String {
    let radix = type == "x" || type == "X" ? 16 : type == "o" ? 8 : type == "b" ? 2 : 10
    var digits = String(number.magnitude, radix: radix, uppercase: type == "X")
    if let precision {
      guard precision <= Self.largestPrecision else { throw TemplateFault.limit("a precision of \(precision)") }
      digits = String(repeating: "0", count: max(0, precision - digits.count)) + digits
    }
    if let grouping { digits = Self.grouped(digits, by: grouping) }
    let prefix = isAlternate && radix != 10 ? "0\(type)" : ""
    return try padded(sign: (number < 0 ? "-" : sign) + prefix, digits, budget)
  }

  func float(_ number: Double, type: Unicode.Scalar, _ budget: TemplateBudget) throws(HybridizeError) -> String {
    guard !isAlternate else { throw TemplateFault.unsupported("'#' in the format of a float") }
    let precision = precision ?? 6
    guard precision <= Self.largestPrecision else { throw TemplateFault.limit("a precision of \(precision)") }
    let sign = number.sign == .minus && !number.isNaN ? "-" : sign
    let isUpper = type == "E" || type == "F" || type == "G"
    guard number.isFinite else {
      var layout = self
      if layout.padsInside { (layout.fill, layout.padsInside) = (" ", false) }
      let text = number.isNaN ? "nan" : "inf"
      return try layout.padded(sign: sign, isUpper ? text.uppercased() : text, budget)
    }
    var digits: String
    switch type {
    case "f", "F", "%":
      digits = ExactDecimal(type == "%" ? number * 100 : number).fixed(places: precision) + (type == "%" ? "%" : "")
    case "e", "E": digits = Self.scientific(number, places: precision).text
    default: digits = Self.general(number, digits: max(1, precision))
    }
    if let grouping {
      let whole = digits.prefix { $0.isNumber }
      digits = Self.grouped(String(whole), by: grouping) + digits.dropFirst(whole.count)
    }
    return try padded(sign: sign, isUpper ? digits.uppercased() : digits, budget)
  }

  private static func scientific(_ number: Double, places: Int) -> (text: String, exponent: Int) {
    let exact = ExactDecimal(number)
    guard !exact.digits.isEmpty else { return ("0" + (places > 0 ? "." : "") + zeros(places) + "e+00", 0) }
    let rounded = exact.rounded(places: places - exact.exponent)
    var digits = rounded.digits.map { String($0) }.joined()
    digits = String((digits + zeros(max(0, places + 1 - digits.count))).prefix(places + 1))
    let text = digits.prefix(1) + (places > 0 ? "." : "") + digits.dropFirst()
    return (text + "e" + PythonNumber.exponentText(rounded.exponent), rounded.exponent)
  }

  private static func general(_ number: Double, digits: Int) -> String {
    let (text, exponent) = scientific(number, places: digits - 1)
    guard exponent < -4 || exponent >= digits else {
      return trimmed(ExactDecimal(number).fixed(places: digits - 1 - exponent))
    }
    let parts = text.split(separator: "e")
    return trimmed(String(parts[0])) + "e" + parts[1]
  }

  private static func trimmed(_ digits: String) -> String { NumberText.withoutEmptyDecimals(digits) }

  private static func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }

  private static func grouped(_ digits: String, by separator: Character) -> String {
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped.append(separator) }
      grouped.append(digit)
    }
    return grouped
  }

  private func padded(sign: String, _ text: String, _ budget: TemplateBudget) throws(HybridizeError) -> String {
    let missing = width - sign.unicodeScalars.count - text.unicodeScalars.count
    guard missing > 0 else { return sign + text }
    try budget.spend(text: 4 * width)
    let padding = String(repeating: fill, count: missing)
    switch alignment {
    case "<": return sign + text + (padsInside ? String(repeating: " ", count: missing) : padding)
    case "^":
      return String(repeating: fill, count: missing / 2) + sign + text
        + String(repeating: fill, count: missing - missing / 2)
    default: return padsInside ? sign + padding + text : padding + sign + text
    }
  }

  // MARK: Specifications

  /// A value by a specification of Python's `format`, as `>8`, `05d` or `.2f`.
  static func format(
    _ value: TemplateValue, _ specification: String, _ budget: TemplateBudget
  ) throws(HybridizeError) -> String {
    guard !specification.isEmpty else { return try value.string(budget) }
    let scalars = Array(specification.unicodeScalars)
    var place = 0
    var layout = TemplateLayout(alignment: value.text == nil ? ">" : "<")
    func take(_ set: String) -> Character? {
      guard place < scalars.count, set.unicodeScalars.contains(scalars[place]) else { return nil }
      place += 1
      return Character(scalars[place - 1])
    }
    var isAligned = true
    if scalars.count > 1, "<>^=".unicodeScalars.contains(scalars[1]) {
      layout.fill = Character(scalars[0])
      place = 1
      layout.alignment = take("<>^=") ?? "<"
    } else if let alignment = take("<>^=") {
      layout.alignment = alignment
    } else {
      isAligned = false
    }
    if layout.alignment == "=" { (layout.alignment, layout.padsInside) = (">", true) }
    if let sign = take("+- "), sign != "-" { layout.sign = String(sign) }
    if take("#") != nil { layout.isAlternate = true }
    if take("0") != nil, !isAligned { (layout.fill, layout.padsInside) = ("0", value.text == nil) }
    layout.width = try number(scalars, &place, budget) ?? 0
    layout.grouping = take(",_")
    if take(".") != nil {
      guard let precision = try number(scalars, &place, budget) else {
        throw TemplateFault.failed("Format specifier missing precision")
      }
      layout.precision = precision
    }
    let type = place < scalars.count ? scalars[place] : nil
    guard place + (type == nil ? 0 : 1) == scalars.count else { throw TemplateFault.failed("Invalid format specifier") }
    if layout.grouping != nil, layout.padsInside {
      throw TemplateFault.unsupported("zeros with groups of digits in a format")
    }
    switch (value, type) {
    case (.string(let text), nil), (.string(let text), "s"): return try layout.text(text, budget)
    case (.boolean, nil), (.undefined, _), (.none, _), (.list, _), (.dictionary, _), (.tuple, _):
      throw TemplateFault.failed("a \(value.typeName) has no format but the empty one")
    case (.integer(let number), nil), (.integer(let number), "d"), (.integer(let number), "x"),
      (.integer(let number), "X"), (.integer(let number), "o"), (.integer(let number), "b"):
      guard layout.precision == nil else { throw TemplateFault.failed("Precision not allowed in integer format") }
      return try layout.integer(number, type: type ?? "d", budget)
    case (.integer, let type?) where "eEfFgG%".unicodeScalars.contains(type),
      (.float, let type?) where "eEfFgG%".unicodeScalars.contains(type):
      return try layout.float(value.number?.double ?? 0, type: type, budget)
    case (.float(let number), nil) where layout.precision == nil && layout.grouping == nil:
      let literal = PythonNumber.literal(number.magnitude)
      return try layout.padded(sign: number.sign == .minus ? "-" : layout.sign, literal, budget)
    default: throw TemplateFault.unsupported("the format '\(specification)' of a \(value.typeName)")
    }
  }
}
