/// Numbers as people read them.
public enum NumberText {
  /// `1234567` as `1,234,567`.
  public static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var out = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { out.append(",") }
      out.append(digit)
    }
    return (value < 0 ? "-" : "") + out
  }

  /// A fixed number of decimals, rounded half away from zero; no exponent.
  ///
  /// - Precondition: `decimals` is 0 to 9.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    precondition((0...9).contains(decimals), "decimals: \(decimals)")
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded(.toNearestOrAwayFromZero)
    let whole = (scaled / scale).rounded(.down)
    let fraction = String(Int(scaled - whole * scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(Int(whole)) }
    return sign + String(Int(whole)) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// About three digits, with an exponent where the number is very small or large.
  public static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    switch abs(value) {
    case 1000..<1e15: return fixed(value, 0)
    case 100..<1000: return fixed(value, 1)
    case 10..<100: return fixed(value, 2)
    case 0.001..<10: return fixed(value, 4)
    default:
      var exponent = 0
      var mantissa = abs(value)
      while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
      while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
      return (value < 0 ? "-" : "") + fixed(mantissa, 2) + "e\(exponent)"
    }
  }

  /// The same without empty decimals: `0.25`, `16`, `0.1234`.
  public static func brief(_ value: Double) -> String {
    let text = short(value)
    let number = text.prefix { $0 != "e" }
    return withoutEmptyDecimals(String(number)) + text.dropFirst(number.count)
  }

  /// `1.50` as `1.5`, `2.0` as `2`.
  public static func withoutEmptyDecimals(_ digits: String) -> String {
    guard digits.contains(".") else { return digits }
    var digits = digits
    while digits.last == "0" { digits.removeLast() }
    if digits.last == "." { digits.removeLast() }
    return digits
  }

  /// Bytes in the largest binary unit that leaves at least one: `1.50 MiB`.
  public static func bytes(_ count: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    return unit == 0 ? "\(count) B" : fixed(value, value < 10 ? 2 : 1) + " " + units[unit]
  }

  /// A count in thousands, millions or billions: `134.5M`.
  public static func count(_ count: Int) -> String {
    switch count {
    case 1_000_000_000...: fixed(Double(count) / 1e9, 2) + "B"
    case 1_000_000...: fixed(Double(count) / 1e6, 1) + "M"
    case 10_000...: fixed(Double(count) / 1e3, 1) + "K"
    default: String(count)
    }
  }

  /// How many a second, to about two digits: `2.1k`, `850`, `0.25`.
  public static func rate(_ value: Double) -> String {
    switch value {
    case 1e10...: "\(value)"
    case 10e6...: fixed(value / 1e6, 0) + "M"
    case 1e6...: fixed(value / 1e6, 1) + "M"
    case 10e3...: fixed(value / 1e3, 0) + "k"
    case 1e3...: fixed(value / 1e3, 1) + "k"
    case 10...: fixed(value, 0)
    default: fixed(value, 2)
    }
  }

  /// `4:32`, `1:04:32`, `52:00:00`; whole seconds, rounded.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return (hours > 0 ? "\(hours):" + two(minutes) : "\(minutes)") + ":" + two(whole % 60)
  }

  /// `1 thread`, `2 threads`.
  public static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
