import HybridizeCore

/// Cuts a template into text and the tokens of its tags, as Jinja does with the settings of transformers: the line
/// break after a block is dropped (`trim_blocks`), so is white space before one on its line (`lstrip_blocks`), and so is
/// the last line break of the source.
struct TemplateLexer {
  let source: [Unicode.Scalar]
  var position = 0
  var line = 1
  var tokens: [TemplateToken] = []
  /// Whether what was read last ended a line, or nothing was read.
  private var startsLine = true

  private enum Tag {
    case block, variable, comment
    case raw(end: Int)
  }

  /// - Throws: `.chatTemplateSyntax`, `.chatTemplateUnsupported`.
  static func tokens(of source: String) throws(HybridizeError) -> [TemplateToken] {
    var lexer = TemplateLexer(source: normalized(source))
    try lexer.run()
    lexer.append(.end)
    return lexer.tokens
  }

  private init(source: [Unicode.Scalar]) { self.source = source }

  /// Line breaks as \n, and without the last one.
  private static func normalized(_ text: String) -> [Unicode.Scalar] {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var afterReturn = false
    for scalar in text.unicodeScalars {
      if !(afterReturn && scalar == "\n") { scalars.append(scalar == "\r" ? "\n" : scalar) }
      afterReturn = scalar == "\r"
    }
    if scalars.last == "\n" { scalars.removeLast() }
    return scalars
  }

  private mutating func run() throws(HybridizeError) {
    while position < source.count {
      guard let (start, tag) = nextTag() else {
        text(upTo: source.count)
        return
      }
      let sign = scalar(start + 2)
      let isSigned = sign == "-" || sign == "+"
      text(upTo: start, before: tag, sign: isSigned ? sign : nil)
      position = start + (isSigned ? 3 : 2)
      startsLine = false
      switch tag {
      case .block: try code(.blockBegin, .blockEnd)
      case .variable: try code(.variableBegin, .variableEnd)
      case .comment: try comment()
      case .raw(let end):
        advance(to: end)
        try raw()
      }
    }
  }

  // MARK: Text

  /// The next `{%`, `{{` or `{#`.
  private func nextTag() -> (start: Int, tag: Tag)? {
    var place = position
    while place + 1 < source.count {
      if source[place] == "{" {
        switch source[place + 1] {
        case "%": return (place, rawBegin(place).map { .raw(end: $0) } ?? .block)
        case "{": return (place, .variable)
        case "#": return (place, .comment)
        default: break
        }
      }
      place += 1
    }
    return nil
  }

  /// Text up to a tag, with the white space taken off that the tag or the settings ask for.
  private mutating func text(upTo end: Int, before tag: Tag? = nil, sign: Unicode.Scalar? = nil) {
    var kept = end
    if sign == "-" {
      while kept > position, PythonText.isSpace(source[kept - 1]) { kept -= 1 }
    } else if sign != "+", let tag, !isVariable(tag) {
      var lineStart = end
      while lineStart > position, source[lineStart - 1] != "\n", PythonText.isSpace(source[lineStart - 1]) {
        lineStart -= 1
      }
      // All that stands between the start of the line and the tag is white space.
      if lineStart > position ? source[lineStart - 1] == "\n" : startsLine { kept = lineStart }
    }
    if kept > position { append(.data(string(position..<kept))) }
    advance(to: end)
  }

  private func isVariable(_ tag: Tag) -> Bool { if case .variable = tag { true } else { false } }

  private mutating func comment() throws(HybridizeError) {
    // A tag that ends the source has nothing to miss.
    guard position < source.count else { return }
    var place = position
    while place < source.count {
      let isSigned = source[place] == "-" || source[place] == "+"
      if matches("#}", at: place + (isSigned ? 1 : 0)) {
        finish(at: place, sign: isSigned ? source[place] : nil, length: isSigned ? 3 : 2, trims: true)
        return
      }
      place += 1
    }
    throw TemplateFault.syntax("a comment without its end", line: line)
  }

  /// The end of `{% raw %}` at a place.
  private func rawBegin(_ start: Int) -> Int? {
    var place = start + 2
    if scalar(place) == "-" || scalar(place) == "+" { place += 1 }
    skipSpace(&place)
    guard matches("raw", at: place) else { return nil }
    place += 3
    skipSpace(&place)
    if matches("%}", at: place) { return place + 2 }
    guard matches("-%}", at: place) else { return nil }
    place += 3
    skipSpace(&place)
    return place
  }

  private mutating func raw() throws(HybridizeError) {
    startsLine = source[position - 1] == "\n"
    guard position < source.count else { return }
    var start = position
    while start < source.count {
      defer { start += 1 }
      guard matches("{%", at: start) else { continue }
      var place = start + 2
      let sign = scalar(place) == "-" || scalar(place) == "+" ? scalar(place) : nil
      if sign != nil { place += 1 }
      skipSpace(&place)
      guard matches("endraw", at: place) else { continue }
      place += 6
      skipSpace(&place)
      let ending = scalar(place) == "-" || scalar(place) == "+" ? scalar(place) : nil
      guard matches("%}", at: place + (ending == nil ? 0 : 1)) else { continue }
      text(upTo: start, before: .block, sign: sign)
      finish(at: place, sign: ending, length: ending == nil ? 2 : 3, trims: true)
      return
    }
    throw TemplateFault.syntax("a raw block without its end", line: line)
  }

  // MARK: Ends of tags

  /// Steps over the end of a tag if it is here, and over the white space that goes with it.
  mutating func end(_ kind: TemplateToken.Kind) -> Bool {
    let isBlock = kind == .blockEnd
    let bracket = isBlock ? "%}" : "}}"
    let sign = scalar(position)
    let isSigned = sign == "-" || isBlock && sign == "+"
    guard matches(bracket, at: position + (isSigned ? 1 : 0)) else { return false }
    append(kind)
    finish(at: position, sign: isSigned ? sign : nil, length: isSigned ? 3 : 2, trims: isBlock)
    return true
  }

  private mutating func finish(at place: Int, sign: Unicode.Scalar?, length: Int, trims: Bool) {
    var end = place + length
    if sign == "-" {
      skipSpace(&end)
    } else if sign == nil, trims, scalar(end) == "\n" {
      end += 1
    }
    advance(to: end)
    startsLine = source[end - 1] == "\n"
  }

  // MARK: Parts

  mutating func append(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

  func scalar(_ place: Int) -> Unicode.Scalar? { place < source.count ? source[place] : nil }

  func string(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: source[range])
    return String(view)
  }

  func matches(_ word: String, at place: Int) -> Bool {
    var place = place
    for scalar in word.unicodeScalars {
      guard self.scalar(place) == scalar else { return false }
      place += 1
    }
    return true
  }

  /// Moves on and counts the lines.
  mutating func advance(to end: Int) {
    for place in position..<end where source[place] == "\n" { line += 1 }
    position = end
  }

  func skipSpace(_ place: inout Int) {
    while let scalar = scalar(place), PythonText.isSpace(scalar) { place += 1 }
  }
}
