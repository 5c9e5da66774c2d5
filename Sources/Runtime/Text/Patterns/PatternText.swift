/// What Oniguruma's names mean, in the words of PCRE2.
enum PatternText {
  /// `\w` within a set.
  static let word = #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\p{Alphabetic}"#
  /// `\w` by itself and at word boundaries: below U+0100 Oniguruma has a table of its own, with fractions and superscripts.
  static let bareWord = word + #"\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}"#

  /// A character that stands for itself, inside and outside of sets.
  static func literal(_ scalar: Unicode.Scalar) -> String {
    let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
    return isPlain ? String(scalar) : #"\x{"# + String(scalar.value, radix: 16) + "}"
  }

  /// A property as the body of a set; `nil` for a name that cannot be one.
  static func property(_ name: String) -> (body: String, isNegated: Bool)? {
    let key = name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
    guard !key.isEmpty, key.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) }) else { return nil }
    if let category = categories[key] { return (#"\p{\#(category)}"#, false) }
    if let known = named[key] { return known }
    if binary.contains(key) { return (#"\p{\#(key)}"#, false) }
    // By the script itself, not by those that also use a character.
    return (#"\p{sc:\#(key)}"#, false)
  }

  private static let categories: [String: String] = {
    let long = [
      "letter": "L", "uppercaseletter": "Lu", "lowercaseletter": "Ll", "titlecaseletter": "Lt", "modifierletter": "Lm",
      "otherletter": "Lo", "mark": "M", "combiningmark": "M", "nonspacingmark": "Mn", "spacingmark": "Mc",
      "enclosingmark": "Me",
      "number": "N", "decimalnumber": "Nd", "letternumber": "Nl", "othernumber": "No", "punctuation": "P", "punct": "P",
      "connectorpunctuation": "Pc", "dashpunctuation": "Pd", "openpunctuation": "Ps", "closepunctuation": "Pe",
      "initialpunctuation": "Pi", "finalpunctuation": "Pf", "otherpunctuation": "Po", "symbol": "S", "mathsymbol": "Sm",
      "currencysymbol": "Sc", "modifiersymbol": "Sk", "othersymbol": "So", "separator": "Z", "spaceseparator": "Zs",
      "lineseparator": "Zl", "paragraphseparator": "Zp", "other": "C", "control": "Cc", "cntrl": "Cc", "format": "Cf",
      "unassigned": "Cn", "privateuse": "Co", "surrogate": "Cs", "digit": "Nd",
    ]
    let short = [
      "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe",
      "Pi",
      "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cn", "Co", "Cs",
    ]
    return long.merging(short.map { ($0.lowercased(), $0) }) { first, _ in first }
  }()

  private static let named: [String: (body: String, isNegated: Bool)] = [
    "alpha": (#"\p{Alphabetic}"#, false), "alnum": (#"\p{Alphabetic}\p{Nd}"#, false), "blank": (#"\p{Zs}\x{9}"#, false),
    "graph": (#"\p{White_Space}\p{Cc}\p{Cn}\p{Cs}"#, true), "print": (#"\p{Cc}\p{Cn}\p{Cs}\p{Zl}\p{Zp}"#, true),
    "lower": (#"\p{Lowercase}"#, false), "upper": (#"\p{Uppercase}"#, false), "space": (#"\p{White_Space}"#, false),
    "xdigit": ("0-9A-Fa-f", false), "word": (word, false), "ascii": (#"\x{0}-\x{7f}"#, false),
    "any": (#"\x{0}-\x{10ffff}"#, false), "assigned": (#"\p{Cn}"#, true), "lc": (#"\p{Lu}\p{Ll}\p{Lt}"#, false),
    "casedletter": (#"\p{Lu}\p{Ll}\p{Lt}"#, false),
  ]

  private static let binary: Set<String> = [
    "alphabetic", "uppercase", "lowercase", "whitespace", "emoji", "emojipresentation", "emojimodifier",
    "emojimodifierbase", "emojicomponent", "extendedpictographic", "idstart", "idcontinue", "xidstart", "xidcontinue",
    "ideographic", "unifiedideograph", "hexdigit", "asciihexdigit", "math", "dash", "diacritic", "extender", "cased",
    "caseignorable", "joincontrol", "defaultignorablecodepoint", "variationselector", "graphemebase", "graphemeextend",
    "quotationmark", "radical", "regionalindicator", "sentenceterminal", "terminalpunctuation", "patternwhitespace",
    "patternsyntax", "noncharactercodepoint",
  ]
}

/// A set of characters, or one of several that a character must be in all of.
struct PatternSet {
  /// Characters, ranges and properties, as they stand between PCRE2's brackets.
  var body = ""
  /// Bodies of sets whose opposites belong to this one.
  var opposites: [String] = []
  /// Sets within the set.
  var others: [String] = []

  mutating func add(_ type: (body: String, isNegated: Bool)) {
    if type.isNegated { opposites.append(type.body) } else { body += type.body }
  }

  /// An expression for one character that is in all of `parts`, or for one that is not.
  static func text(_ parts: [PatternSet], isNegated: Bool) -> String {
    if let only = parts.first, parts.count == 1, only.opposites.isEmpty, only.others.isEmpty, !only.body.isEmpty {
      return "[\(isNegated ? "^" : "")\(only.body)]"
    }
    let unions = parts.map(\.union)
    let all = unions.dropFirst().map { "(?=\($0))" }.joined() + (unions.first ?? "(?!)")
    return isNegated ? "(?:(?!\(all))(?s:.))" : "(?:\(all))"
  }

  private var union: String {
    let choices = (body.isEmpty ? [] : ["[\(body)]"]) + opposites.map { "[^\($0)]" } + others
    return choices.isEmpty ? "(?!)" : "(?:\(choices.joined(separator: "|")))"
  }
}
