/// Python's texts of floats, and floats of texts.
enum PythonNumber {
  /// Python's `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
  static func literal(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else { return sign + "0.0" }
    let (digits, point) = shortest(value.magnitude)
    guard (-3...16).contains(point) else { return sign + scientific(digits, exponent: point - 1) }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  private static func scientific(_ digits: String, exponent: Int) -> String {
    let fraction = digits.dropFirst()
    return digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e" + exponentText(exponent)
  }

  static func exponentText(_ exponent: Int) -> String {
    let digits = String(exponent.magnitude)
    return (exponent < 0 ? "-" : "+") + (digits.count < 2 ? "0" : "") + digits
  }

  /// The shortest digits, and where their point lies: 0.digits x 10^point.
  private static func shortest(_ value: Double) -> (digits: String, point: Int) {
    let parts = value.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    var digits = mantissa.joined()[...]
    while digits.first == "0" {
      digits.removeFirst()
      point -= 1
    }
    while digits.last == "0" { digits.removeLast() }
    return (String(digits), point)
  }

  /// Python's `float(text)`.
  static func float(_ text: String) -> Double? {
    let text = PythonText.strip(text, nil)
    let body = text.first == "-" || text.first == "+" ? String(text.dropFirst()) : text
    switch body.lowercased() {
    case "inf", "infinity": return text.first == "-" ? -.infinity : .infinity
    case "nan": return .nan
    default: break
    }
    guard let digits = withoutUnderscores(body), let first = digits.utf8.first,
      (0x30...0x39).contains(first) || first == UInt8(ascii: "."),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2E, 0x2B, 0x2D, 0x45, 0x65].contains($0) })
    else { return nil }
    // Swift wants digits on both sides of the point.
    let parts = digits.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    var mantissa = String(parts[0])
    guard mantissa.contains(where: { $0 != "." }) else { return nil }
    if mantissa.hasPrefix(".") { mantissa = "0" + mantissa }
    if mantissa.hasSuffix(".") { mantissa += "0" }
    guard let value = Double(mantissa + (parts.count > 1 ? "e" + parts[1] : "")) else { return nil }
    return text.first == "-" ? -value : value
  }

  /// What `int(text, base)` makes of a text.
  enum Integer: Equatable {
    case value(Int)
    /// It is a number, but of more than 64 bits.
    case tooLarge
    case invalid
  }

  static func integer(_ text: String, base: Int) -> Integer {
    var body = PythonText.strip(text, nil)[...]
    let isNegative = body.first == "-"
    if isNegative || body.first == "+" { body.removeFirst() }
    var base = base
    let prefixes = ["0b": 2, "0o": 8, "0x": 16]
    if let radix = prefixes[body.prefix(2).lowercased()], base == 0 || base == radix {
      base = radix
      body.removeFirst(2)
      if body.first == "_" { body.removeFirst() }
    } else if base == 0 {
      base = 10
      if body.first == "0", body.contains(where: { $0 != "0" && $0 != "_" }) { return .invalid }
    }
    guard let digits = withoutUnderscores(String(body)), !digits.isEmpty,
      digits.unicodeScalars.allSatisfy({ scalar in
        scalar.isASCII && (Int(String(scalar), radix: max(base, 2)) != nil)
      })
    else { return .invalid }
    return Int((isNegative ? "-" : "") + digits, radix: base).map { .value($0) } ?? .tooLarge
  }

  /// Digits without the single underscores between them; `nil` if one stands elsewhere.
  private static func withoutUnderscores(_ text: String) -> String? {
    guard text.utf8.contains(UInt8(ascii: "_")) else { return text }
    let bytes = Array(text.utf8)
    for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
      guard place > 0, place + 1 < bytes.count, isWord(bytes[place - 1]), isWord(bytes[place + 1]) else { return nil }
    }
    return text.filter { $0 != "_" }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}

/// All decimal digits of a float, of which there are finitely many: what rounding to a number of digits goes by.
struct ExactDecimal {
  /// From the highest, without leading zeros; none for zero.
  private(set) var digits: [UInt8]
  /// How many of them stand behind the point.
  private(set) var scale: Int

  /// - Precondition: `value` is finite.
  init(_ value: Double) {
    // value = significand x 2^exponent
    let magnitude = value.magnitude
    var significand = magnitude.significandBitPattern
    var exponent = -1074
    if magnitude.exponentBitPattern > 0 {
      significand |= 1 << 52
      exponent = Int(magnitude.exponentBitPattern) - 1075
    }
    let zeros = significand == 0 ? 0 : significand.trailingZeroBitCount
    significand >>= UInt64(zeros)
    exponent = significand == 0 ? 0 : exponent + zeros
    var limbs: [UInt32] = []
    while significand > 0 {
      limbs.append(UInt32(significand % Self.base))
      significand /= Self.base
    }
    // 2^-k = 5^k / 10^k
    scale = max(0, -exponent)
    for _ in 0..<abs(exponent) { Self.multiply(&limbs, by: exponent < 0 ? 5 : 2) }
    digits = []
    for limb in limbs.reversed() {
      let text = Array(String(limb).utf8).map { $0 - 0x30 }
      digits += (digits.isEmpty ? [] : [UInt8](repeating: 0, count: 9 - text.count)) + text
    }
  }

  private static let base: UInt64 = 1_000_000_000

  private static func multiply(_ limbs: inout [UInt32], by factor: UInt64) {
    var carry: UInt64 = 0
    for index in limbs.indices {
      let product = UInt64(limbs[index]) * factor + carry
      limbs[index] = UInt32(product % base)
      carry = product / base
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// The power of ten of the first digit.
  var exponent: Int { digits.count - scale - 1 }

  /// Rounded to so many places behind the point, half to even; fewer than none round before it.
  func rounded(places: Int) -> ExactDecimal {
    guard scale > places else { return self }
    var result = self
    let kept = digits.count - (scale - places)
    result.scale = places
    guard kept >= 0 else {
      result.digits = []
      return result
    }
    let rest = digits[kept...]
    result.digits = Array(digits[..<kept])
    let isHalf = rest.first == 5 && rest.dropFirst().allSatisfy { $0 == 0 }
    let roundsUp = isHalf ? (result.digits.last ?? 0) % 2 == 1 : (rest.first ?? 0) >= 5
    guard roundsUp else { return result }
    var place = kept - 1
    while place >= 0, result.digits[place] == 9 {
      result.digits[place] = 0
      place -= 1
    }
    if place >= 0 { result.digits[place] += 1 } else { result.digits.insert(1, at: 0) }
    return result
  }

  /// With exactly so many places behind the point, no sign.
  ///
  /// - Precondition: `places` is not negative.
  func fixed(places: Int) -> String {
    let rounded = rounded(places: places)
    var digits = rounded.digits + [UInt8](repeating: 0, count: max(0, places - rounded.scale))
    if digits.count <= places { digits = [UInt8](repeating: 0, count: places + 1 - digits.count) + digits }
    let text = digits.map { String($0) }.joined()
    return places == 0 ? text : text.dropLast(places) + "." + text.suffix(places)
  }

  /// The value again, with zeros before the point where it was rounded there.
  var value: Double {
    guard !digits.isEmpty else { return 0 }
    return Double(digits.map { String($0) }.joined() + "e\(-scale)") ?? .infinity
  }
}
