/// Upper and lower case, and what kind of characters a text has.
extension PythonText {
  static func upper(_ text: String) -> String {
    var upper = ""
    for scalar in text.unicodeScalars { upper += scalar.properties.uppercaseMapping }
    return upper
  }

  static func lower(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text.lowercased() }
    let scalars = Array(text.unicodeScalars)
    var lower = ""
    for place in scalars.indices { lower += lowercase(scalars, place) }
    return lower
  }

  /// A sigma that ends a word has a form of its own.
  private static func lowercase(_ scalars: [Unicode.Scalar], _ place: Int) -> String {
    guard scalars[place] == "Σ" else { return scalars[place].properties.lowercaseMapping }
    // Bounded, as a text of nothing but ignorable characters and sigmas would take quadratic time.
    let before = scalars[..<place].suffix(64).last { !$0.properties.isCaseIgnorable }
    let after = scalars[(place + 1)...].prefix(64).first { !$0.properties.isCaseIgnorable }
    return before?.properties.isCased == true && after?.properties.isCased != true ? "ς" : "σ"
  }

  /// The first character in upper case, the others in lower case.
  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first else { return "" }
    let scalars = Array(text.unicodeScalars)
    var result = first.properties.titlecaseMapping
    for place in scalars.indices.dropFirst() { result += lowercase(scalars, place) }
    return result
  }

  /// Python's `title`: a letter after none begins a word.
  static func titled(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    var followsLetter = false
    for (place, scalar) in scalars.enumerated() {
      result += followsLetter ? lowercase(scalars, place) : scalar.properties.titlecaseMapping
      followsLetter = scalar.properties.isCased
    }
    return result
  }

  /// Jinja's filter `title`: a character after white space, a hyphen or an opening bracket begins a word.
  static func titledByWords(_ text: String) -> String {
    var result = ""
    var word = ""
    func ended(_ word: String) -> String {
      guard let first = word.unicodeScalars.first else { return "" }
      return first.properties.uppercaseMapping + lower(String(word.unicodeScalars.dropFirst()))
    }
    for scalar in text.unicodeScalars {
      if isSpace(scalar) || ["-", "(", "{", "[", "<"].contains(scalar) {
        result += ended(word)
        result.unicodeScalars.append(scalar)
        word = ""
      } else {
        word.unicodeScalars.append(scalar)
      }
    }
    return result + ended(word)
  }

  static func swapped(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    for (place, scalar) in scalars.enumerated() {
      if scalar.properties.isUppercase {
        result += lowercase(scalars, place)
      } else if scalar.properties.isLowercase {
        result += scalar.properties.uppercaseMapping
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Whether there is a character with case, and all of those are of this one.
  static func isLower(_ text: String) -> Bool {
    var found = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isUppercase || scalar.properties.generalCategory == .titlecaseLetter { return false }
      if scalar.properties.isLowercase { found = true }
    }
    return found
  }

  static func isUpper(_ text: String) -> Bool {
    var found = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isLowercase || scalar.properties.generalCategory == .titlecaseLetter { return false }
      if scalar.properties.isUppercase { found = true }
    }
    return found
  }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func isDecimal(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .decimalNumber }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.numericType == .digit || scalar.properties.numericType == .decimal
  }

  static func isNumeric(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType != nil }

  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  // MARK: Literals

  /// A character by its number, `\xe9`, `\u20ac` or `\U0001f600`.
  static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let (letter, length) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
    return "\\" + letter + String(repeating: "0", count: length - digits.count) + digits
  }

  /// Python's `repr` of a text.
  static func literal(_ text: String) -> String {
    let quote: Unicode.Scalar =
      text.utf8.contains(UInt8(ascii: "'")) && !text.utf8.contains(UInt8(ascii: "\"")) ? "\"" : "'"
    var result = String(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case quote: result += "\\" + String(quote)
      default:
        if isPrintable(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          result += escape(scalar)
        }
      }
    }
    return result + String(quote)
  }
}
