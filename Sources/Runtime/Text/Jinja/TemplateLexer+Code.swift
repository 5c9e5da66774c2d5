import HybridizeCore

/// What stands inside a tag: names, numbers, strings and operators.
extension TemplateLexer {
  mutating func code(_ begin: TemplateToken.Kind, _ end: TemplateToken.Kind) throws(HybridizeError) {
    append(begin)
    // The ends of tags look like operators inside brackets.
    var open: [String] = []
    while position < source.count {
      if open.isEmpty, self.end(end) { return }
      let start = source[position]
      if PythonText.isSpace(start) {
        advance(to: position + 1)
      } else if isDigit(start) {
        try number()
      } else if start == "_" || start.properties.isXIDStart {
        name()
      } else if start == "\"" || start == "'" {
        try quoted(start)
      } else {
        try sign(&open)
      }
    }
  }

  private mutating func name() {
    var end = position
    while let scalar = scalar(end), scalar == "_" || scalar.properties.isXIDContinue { end += 1 }
    append(.name(string(position..<end)))
    position = end
  }

  private static let signs = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
  ]
  private static let closing = ["(": ")", "[": "]", "{": "}"]

  private mutating func sign(_ open: inout [String]) throws(HybridizeError) {
    guard let sign = Self.signs.first(where: { matches($0, at: position) }) else {
      throw TemplateFault.syntax("unexpected '\(source[position])'", line: line)
    }
    if let bracket = Self.closing[sign] {
      open.append(bracket)
    } else if sign == ")" || sign == "]" || sign == "}" {
      guard let expected = open.popLast() else { throw TemplateFault.syntax("unexpected '\(sign)'", line: line) }
      guard expected == sign else {
        throw TemplateFault.syntax("unexpected '\(sign)', expected '\(expected)'", line: line)
      }
    }
    append(.sign(sign))
    position += sign.utf8.count
  }

  // MARK: Numbers

  private func isDigit(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ("0"..."9").contains($0) } ?? false }

  /// The end of digits with single underscores between them.
  private func digits(from start: Int, where isDigit: (Unicode.Scalar) -> Bool) -> Int {
    var end = start
    while let scalar = scalar(end) {
      if isDigit(scalar) {
        end += 1
      } else if scalar == "_", end > start, let next = self.scalar(end + 1), isDigit(next) {
        end += 2
      } else {
        break
      }
    }
    return end
  }

  private mutating func number() throws(HybridizeError) {
    let start = position
    let isDecimal = { (scalar: Unicode.Scalar) in ("0"..."9").contains(scalar) }
    if let end = floatEnd(isDecimal) {
      let text = string(start..<end).filter { $0 != "_" }
      // Its grammar has been checked; what is too large is infinite, as in Python.
      append(.float(Double(text) ?? .infinity))
      position = end
      return
    }
    var (base, end) = (10, digits(from: start, where: isDecimal))
    if source[start] == "0" {
      let letter = scalar(start + 1)?.properties.lowercaseMapping
      let radix = ["b": 2, "o": 8, "x": 16][letter ?? ""]
      let place = start + (scalar(start + 2) == "_" ? 3 : 2)
      if let radix, case let last = digits(from: place, where: { Self.value(of: $0, radix) != nil }), last > place {
        (base, end) = (radix, last)
      } else {
        end = digits(from: start, where: { $0 == "0" })
      }
    }
    let text = string(start + (base == 10 ? 0 : 2)..<end).filter { $0 != "_" }
    guard let value = Int(text, radix: base) else {
      throw TemplateFault.unsupported("an integer of more than 64 bits", line: line)
    }
    append(.integer(value))
    position = end
  }

  private static func value(of scalar: Unicode.Scalar, _ radix: Int) -> Int? {
    guard scalar.isASCII, let value = Character(scalar).hexDigitValue, value < radix else { return nil }
    return value
  }

  /// The end of a number with a fraction or an exponent; `nil` for an integer.
  private func floatEnd(_ isDecimal: (Unicode.Scalar) -> Bool) -> Int? {
    guard position == 0 || source[position - 1] != "." else { return nil }
    var end = digits(from: position, where: isDecimal)
    var isFloat = false
    if scalar(end) == ".", isDigit(scalar(end + 1)) {
      end = digits(from: end + 1, where: isDecimal)
      isFloat = true
    }
    if scalar(end) == "e" || scalar(end) == "E" {
      let place = end + (scalar(end + 1) == "+" || scalar(end + 1) == "-" ? 2 : 1)
      if isDigit(scalar(place)) { return digits(from: place, where: isDecimal) }
    }
    return isFloat ? end : nil
  }

  // MARK: Strings

  private mutating func quoted(_ quote: Unicode.Scalar) throws(HybridizeError) {
    var end = position + 1
    while let scalar = scalar(end), scalar != quote { end += scalar == "\\" ? 2 : 1 }
    guard end < source.count else { throw TemplateFault.syntax("a string without its end", line: line) }
    append(.string(try unescaped(position + 1..<end)))
    advance(to: end + 1)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}", "b": "\u{08}", "f": "\u{0C}", "n": "\n", "r": "\r", "t": "\t",
    "v": "\u{0B}",
  ]

  /// Escapes are Python's.
  private func unescaped(_ range: Range<Int>) throws(HybridizeError) -> String {
    var text = String.UnicodeScalarView()
    var place = range.lowerBound
    while place < range.upperBound {
      let scalar = source[place]
      place += 1
      guard scalar == "\\", place < range.upperBound else {
        text.append(scalar)
        continue
      }
      let letter = source[place]
      place += 1
      if let plain = Self.escapes[letter] {
        text.append(plain)
      } else if let length = ["x": 2, "u": 4, "U": 8][letter] {
        text.append(try hexadecimal(place, length, in: range))
        place += length
      } else if let first = Self.value(of: letter, 8) {
        var code = first
        for _ in 0..<2 {
          guard place < range.upperBound, let digit = Self.value(of: source[place], 8) else { break }
          code = code * 8 + digit
          place += 1
        }
        // Three octal digits are at most 511, none of which is a surrogate.
        if let scalar = Unicode.Scalar(UInt32(code)) { text.append(scalar) }
      } else if letter == "N" {
        throw TemplateFault.unsupported("a character by its name, \\N{...}", line: line)
      } else if !letter.isASCII {
        // Python escapes it before it reads the escapes: the backslash stands before another one.
        text.append(contentsOf: PythonText.escape(letter).unicodeScalars)
      } else if letter != "\n" {
        text.append(contentsOf: ["\\", letter])
      }
    }
    return String(text)
  }

  private func hexadecimal(_ start: Int, _ length: Int, in range: Range<Int>) throws(HybridizeError) -> Unicode.Scalar {
    var code: UInt32 = 0
    for place in start..<start + length {
      guard place < range.upperBound, let digit = Self.value(of: source[place], 16) else {
        throw TemplateFault.syntax("an escape of a string without its \(length) digits", line: line)
      }
      code = code << 4 | UInt32(digit)
    }
    if (0xD800..<0xE000).contains(code) { throw TemplateFault.unsupported("half a surrogate pair", line: line) }
    guard let scalar = Unicode.Scalar(code) else {
      throw TemplateFault.syntax("an escape of a string beyond Unicode", line: line)
    }
    return scalar
  }
}
