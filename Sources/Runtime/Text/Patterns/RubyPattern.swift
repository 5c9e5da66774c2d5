import HybridizeCore

/// A pattern in Oniguruma's Ruby syntax, rewritten for PCRE2 so that it matches the same.
///
/// The two differ in what `\w`, `\s` and `\h` are, in sets within sets and `&&`, in how far `(?i)` reaches, in `{n}?`,
/// `{n,m}+` and `{,m}`, and in the names of properties. What has no equivalent is refused.
struct RubyPattern {
  private let pattern: String
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0

  private static let deepest = 100
  private static let longest = 1 << 16

  /// - Throws: `.tokenizerUnsupported`.
  static func translated(_ pattern: String) throws(HybridizeError) -> String {
    var parser = RubyPattern(pattern)
    guard parser.scalars.count <= longest else {
      throw parser.unsupported("a pattern of \(parser.scalars.count) characters")
    }
    let translated = try parser.alternation()
    guard parser.index == parser.scalars.count else { throw parser.unsupported("a bracket that nothing opens") }
    return translated
  }

  private init(_ pattern: String) {
    self.pattern = pattern
    scalars = Array(pattern.unicodeScalars)
  }

  private func unsupported(_ what: String) -> HybridizeError {
    HybridizeError(
      .tokenizerUnsupported, expected: "a regular expression that is understood here",
      found: "\(what) in \(pattern.prefix(200))")
  }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func starts(with text: String, at offset: Int = 0) -> Bool {
    scalars[min(index + offset, scalars.count)...].starts(with: text.unicodeScalars)
  }

  private mutating func take(_ text: String) -> Bool {
    guard starts(with: text) else { return false }
    index += text.unicodeScalars.count
    return true
  }

  /// Up to the end of the group.
  private mutating func alternation() throws(HybridizeError) -> String {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw unsupported("groups \(depth) deep") }
    var result = ""
    while let scalar = next, scalar != ")" {
      if scalar == "|" {
        index += 1
        result += "|"
      } else if let options = try isolatedOptions() {
        // They reach to the end of the group, alternatives included.
        result += "(?\(options):\(try alternation()))"
      } else {
        result += try quantified()
      }
    }
    return result
  }

  /// `(?i)` and its like; `nil` if something else follows.
  private mutating func isolatedOptions() throws(HybridizeError) -> String? {
    guard starts(with: "(?"), let end = scalars[index...].firstIndex(of: ")"),
      scalars[(index + 2)..<end].allSatisfy({ "imx-".unicodeScalars.contains($0) }), end > index + 2
    else { return nil }
    let letters = scalars[(index + 2)..<end]
    index = end + 1
    return try options(letters)
  }

  /// The letters of PCRE2: Ruby's `m` is its `s`.
  private func options(_ letters: ArraySlice<Unicode.Scalar>) throws(HybridizeError) -> String {
    guard !letters.contains("x") else { throw unsupported("(?x)") }
    return String(String.UnicodeScalarView(letters.map { $0 == "m" ? "s" : $0 }))
  }

  private mutating func quantified() throws(HybridizeError) -> String {
    var atom = try atom()
    var isQuantified = false
    while let scalar = next {
      let operand = isQuantified ? "(?:\(atom))" : atom
      if "?*+".unicodeScalars.contains(scalar) {
        index += 1
        atom = operand + String(scalar)
        if take("?") { atom += "?" } else if take("+") { atom += "+" }
      } else if let (interval, isFixed) = interval() {
        // A question mark behind a fixed number makes the whole optional, a plus repeats it.
        atom = operand + interval
        if !isFixed, take("?") { atom += "?" }
      } else {
        break
      }
      isQuantified = true
    }
    return atom
  }

  /// `{n}`, `{n,}`, `{n,m}` or `{,m}`; `nil`, and nothing taken, for a brace that is only a brace.
  private mutating func interval() -> (text: String, isFixed: Bool)? {
    guard next == "{", let end = scalars[index...].firstIndex(of: "}") else { return nil }
    let inner = String(String.UnicodeScalarView(scalars[(index + 1)..<end]))
    let parts = inner.split(separator: ",", omittingEmptySubsequences: false)
    let isNumber = { (text: Substring) in
      !text.isEmpty && text.utf8.count < 6 && text.utf8.allSatisfy { (48...57).contains($0) }
    }
    guard parts.count <= 2, parts.allSatisfy({ $0.isEmpty || isNumber($0) }), parts.contains(where: isNumber) else {
      return nil
    }
    index = end + 1
    guard parts.count == 2 else { return ("{\(inner)}", true) }
    return ("{\(parts[0].isEmpty ? "0" : parts[0]),\(parts[1])}", false)
  }

  private mutating func atom() throws(HybridizeError) -> String {
    let scalar = scalars[index]
    switch scalar {
    case "(": return try group()
    case "[":
      index += 1
      return try set()
    case "\\": return try escape()
    case ".", "^", "$":
      index += 1
      return String(scalar)
    case "?", "*", "+": throw unsupported("a quantifier of nothing")
    default:
      index += 1
      return PatternText.literal(scalar)
    }
  }

  private mutating func group() throws(HybridizeError) -> String {
    index += 1
    var opening = "("
    if take("?#") {
      while let scalar = next, scalar != ")" { index += scalar == "\\" ? 2 : 1 }
      return try closed("(?:")
    }
    if take("?") {
      if let prefix = [":", "=", "!", "<=", "<!", ">"].first(where: { starts(with: $0) }) {
        _ = take(prefix)
        opening = "(?" + prefix
      } else if let colon = scalars[index...].firstIndex(of: ":"), colon > index,
        scalars[index..<colon].allSatisfy({ "imx-".unicodeScalars.contains($0) })
      {
        opening = "(?" + (try options(scalars[index..<colon])) + ":"
        index = colon + 1
      } else {
        throw unsupported("the group (?\(next.map { String($0) } ?? "")")
      }
    }
    return try closed(opening + alternation())
  }

  private mutating func closed(_ text: String) throws(HybridizeError) -> String {
    guard take(")") else { throw unsupported("a group without its end") }
    return text + ")"
  }

  // MARK: Escapes

  private mutating func escape() throws(HybridizeError) -> String {
    guard index + 1 < scalars.count else { throw unsupported("a backslash at the end") }
    if let (body, isNegated) = try characterType() { return "[\(isNegated ? "^" : "")\(body)]" }
    switch scalars[index + 1] {
    case "w", "W":
      index += 2
      return "[\(scalars[index - 1] == "W" ? "^" : "")\(PatternText.bareWord)]"
    case "b", "B":
      index += 2
      let word = "[\(PatternText.bareWord)]"
      return scalars[index - 1] == "b"
        ? "(?:(?<=\(word))(?!\(word))|(?<!\(word))(?=\(word)))" : "(?:(?<=\(word))(?=\(word))|(?<!\(word))(?!\(word)))"
    case "A", "z", "Z", "G", "R", "X", "K":
      index += 2
      return "\\" + String(scalars[index - 1])
    case "1"..."9", "g", "k": throw unsupported("a reference to a group")
    default: return PatternText.literal(try character())
    }
  }

  /// What `\d`, `\s`, `\h`, `\p{…}` and their opposites stand for, as the body of a set; `nil`, and nothing taken, for another
  /// escape. `\w` is one only within a set.
  private mutating func characterType(inSet: Bool = false) throws(HybridizeError) -> (body: String, isNegated: Bool)? {
    guard index + 1 < scalars.count else { return nil }
    switch scalars[index + 1] {
    case "d", "D", "s", "S", "h", "H":
      let letter = scalars[index + 1]
      index += 2
      let body =
        switch letter {
        case "d", "D": #"\p{Nd}"#
        case "s", "S": #"\p{White_Space}"#
        default: "0-9a-fA-F"
        }
      return (body, letter.properties.isUppercase)
    case "w", "W":
      guard inSet else { return nil }
      index += 2
      return (PatternText.word, scalars[index - 1] == "W")
    case "p", "P":
      let isNegated = scalars[index + 1] == "P"
      guard index + 2 < scalars.count, scalars[index + 2] == "{", let end = scalars[index...].firstIndex(of: "}") else {
        throw unsupported("a property without its braces")
      }
      var name = String(String.UnicodeScalarView(scalars[(index + 3)..<end]))
      index = end + 1
      let isInverse = name.hasPrefix("^")
      if isInverse { name.removeFirst() }
      guard let property = PatternText.property(name) else { throw unsupported("the property \(name)") }
      return (property.body, property.isNegated != (isNegated != isInverse))
    default: return nil
    }
  }

  /// An escape, or a character as it is, that stands for one character.
  private mutating func character() throws(HybridizeError) -> Unicode.Scalar {
    let scalar = scalars[index]
    index += 1
    guard scalar == "\\" else { return scalar }
    guard let letter = next else { throw unsupported("a backslash at the end") }
    index += 1
    switch letter {
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "f": return "\u{0C}"
    case "v": return "\u{0B}"
    case "a": return "\u{07}"
    case "e": return "\u{1B}"
    case "0": return try number(digits: 0...2, radix: 8, from: "0")
    case "u": return try number(digits: 4...4, radix: 16)
    case "x":
      guard take("{") else {
        let value = try number(digits: 1...2, radix: 16)
        // Above, the digits are a byte of UTF-8.
        guard value.value < 0x80 else { throw unsupported("a byte as \\x") }
        return value
      }
      let value = try number(digits: 1...8, radix: 16)
      guard take("}") else { throw unsupported("\\x{ without its end") }
      return value
    case "c", "C", "M": throw unsupported("\\\(letter)")
    default: return letter
    }
  }

  private mutating func number(
    digits: ClosedRange<Int>, radix: Int, from start: String = ""
  ) throws(HybridizeError) -> Unicode.Scalar {
    var text = start
    while text.utf8.count - start.utf8.count < digits.upperBound, let scalar = next,
      let digit = Character(scalar).hexDigitValue, scalar.isASCII, digit < radix
    {
      text.unicodeScalars.append(scalar)
      index += 1
    }
    guard text.utf8.count - start.utf8.count >= digits.lowerBound, let value = UInt32(text, radix: radix),
      let scalar = Unicode.Scalar(value)
    else { throw unsupported("a number of no character") }
    return scalar
  }

  // MARK: Sets

  /// Behind its bracket.
  private mutating func set() throws(HybridizeError) -> String {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw unsupported("sets \(depth) deep") }
    var isNegated = false
    if take("^") { isNegated = true }
    var parts = [PatternSet()]
    var isFirst = true
    while true {
      guard let scalar = next else { throw unsupported("a set without its end") }
      if scalar == "]" && !isFirst {
        index += 1
        break
      }
      isFirst = false
      if take("&&") {
        parts.append(PatternSet())
      } else if take("[:") {
        try parts[parts.count - 1].add(posix())
      } else if scalar == "[" {
        index += 1
        parts[parts.count - 1].others.append(try set())
      } else if scalar == "\\", let type = try characterType(inSet: true) {
        parts[parts.count - 1].add(type)
      } else {
        parts[parts.count - 1].body += try range()
      }
    }
    return PatternSet.text(parts, isNegated: isNegated)
  }

  /// A character or a range of them.
  private mutating func range() throws(HybridizeError) -> String {
    let first = try setCharacter()
    guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]", !starts(with: "&&", at: 1) else {
      return PatternText.literal(first)
    }
    let dash = index
    index += 1
    var isDash = next == "["
    if !isDash { isDash = try isType() }
    if isDash {
      // A dash before a set or a type is a dash.
      index = dash + 1
      return PatternText.literal(first) + PatternText.literal("-")
    }
    let last = try setCharacter()
    guard first.value <= last.value else { throw unsupported("a range that ends before it begins") }
    return PatternText.literal(first) + "-" + PatternText.literal(last)
  }

  private func isType() throws(HybridizeError) -> Bool {
    guard next == "\\" else { return false }
    var copy = self
    return try copy.characterType(inSet: true) != nil
  }

  /// Within a set, `\b` is a backspace.
  private mutating func setCharacter() throws(HybridizeError) -> Unicode.Scalar {
    take(#"\b"#) ? "\u{08}" : try character()
  }

  /// Behind `[:`.
  private mutating func posix() throws(HybridizeError) -> (body: String, isNegated: Bool) {
    let isInverse = take("^")
    guard let end = scalars[index...].firstIndex(of: ":"), end + 1 < scalars.count, scalars[end + 1] == "]" else {
      throw unsupported("[: without its end")
    }
    let name = String(String.UnicodeScalarView(scalars[index..<end]))
    index = end + 2
    // In brackets punctuation takes in symbols.
    let property = name == "punct" ? (#"\p{P}\p{S}"#, false) : PatternText.property(name)
    guard let property else { throw unsupported("the set [:\(name):]") }
    return (property.0, property.1 != isInverse)
  }
}
