/// Python's text functions, which go by code points.
enum PythonText {
  /// Python's `isspace`, which is also what regular expressions take for white space.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  private static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  // MARK: Ends

  /// Without white space, or without these characters, at its ends.
  static func strip(_ text: String, _ characters: String?, left: Bool = true, right: Bool = true) -> String {
    let set = characters.map { Set($0.unicodeScalars) }
    func drops(_ scalar: Unicode.Scalar) -> Bool { set.map { $0.contains(scalar) } ?? isSpace(scalar) }
    var view = text.unicodeScalars[...]
    if left { view = view.drop(while: drops) }
    if right {
      while let last = view.last, drops(last) { view.removeLast() }
    }
    return String(view)
  }

  static func hasPrefix(_ text: String, _ prefix: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

  static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
    text.utf8.count >= suffix.utf8.count && text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  // MARK: Pieces

  /// The lines, without their ends unless `keepsEnds`.
  static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
    var lines: [String] = []
    let scalars = text.unicodeScalars
    var start = scalars.startIndex
    var place = start
    while place < scalars.endIndex {
      guard endsLine(scalars[place]) else {
        place = scalars.index(after: place)
        continue
      }
      var next = scalars.index(after: place)
      if scalars[place] == "\r", next < scalars.endIndex, scalars[next] == "\n" { next = scalars.index(after: next) }
      lines.append(String(scalars[start..<(keepsEnds ? next : place)]))
      (start, place) = (next, next)
    }
    if start < scalars.endIndex { lines.append(String(scalars[start...])) }
    return lines
  }

  /// `split()`: words between white space, at most `limit` cuts.
  static func words(_ text: String, limit: Int?, fromRight: Bool) -> [String] {
    var words: [String] = []
    var rest = text.unicodeScalars[...]
    if fromRight {
      while true {
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        if rest.isEmpty { break }
        if let limit, words.count >= limit {
          words.append(String(rest))
          break
        }
        let end = rest.endIndex
        while let last = rest.last, !isSpace(last) { rest.removeLast() }
        words.append(String(text.unicodeScalars[rest.endIndex..<end]))
      }
      return words.reversed()
    }
    while true {
      rest = rest.drop(while: isSpace)
      guard !rest.isEmpty else { return words }
      if let limit, words.count >= limit { return words + [String(rest)] }
      let word = rest.prefix { !isSpace($0) }
      words.append(String(word))
      rest = rest[word.endIndex...]
    }
  }

  /// `split(separator)`, at most `limit` cuts.
  ///
  /// - Precondition: the separator is not empty.
  static func pieces(_ text: String, by separator: String, limit: Int?, fromRight: Bool) -> [String] {
    var places = occurrences(of: separator, in: text, limit: fromRight ? nil : limit, overlapping: fromRight)
    let length = separator.utf8.count
    if fromRight {
      // From the right, those that overlap one further right do not count.
      var kept: [Int] = []
      for place in places.reversed() where kept.last.map({ place + length <= $0 }) ?? true {
        if let limit, kept.count >= limit { break }
        kept.append(place)
      }
      places = kept.reversed()
    }
    let utf8 = text.utf8
    var pieces: [String] = []
    var start = 0
    for place in places {
      pieces.append(slice(utf8, start..<place))
      start = place + length
    }
    pieces.append(slice(utf8, start..<utf8.count))
    return pieces
  }

  /// A range of bytes that begins and ends at characters.
  static func slice(_ utf8: String.UTF8View, _ range: Range<Int>) -> String {
    let start = utf8.index(utf8.startIndex, offsetBy: range.lowerBound)
    return String(Substring(utf8[start..<utf8.index(start, offsetBy: range.count)]))
  }

  // MARK: Search

  /// The byte where a text first occurs in another.
  static func find(_ part: String, in text: String) -> Int? {
    part.isEmpty ? 0 : occurrences(of: part, in: text, limit: 1).first
  }

  /// The bytes where a text occurs in another, from the left. Knuth, Morris and Pratt: linear for any text.
  ///
  /// - Precondition: the text that is looked for is not empty.
  static func occurrences(
    of part: String, in text: String, limit: Int? = nil, overlapping: Bool = false
  ) -> [Int] {
    let part = Array(part.utf8)
    precondition(!part.isEmpty, "nothing to look for")
    guard part.count <= text.utf8.count, limit != 0 else { return [] }
    // What a mismatch after so many bytes leaves matched.
    var fallback = [Int32](repeating: 0, count: part.count)
    var matched = 0
    for place in part.indices.dropFirst() {
      while matched > 0, part[place] != part[matched] { matched = Int(fallback[matched - 1]) }
      if part[place] == part[matched] { matched += 1 }
      fallback[place] = Int32(matched)
    }
    var places: [Int] = []
    matched = 0
    for (place, byte) in text.utf8.enumerated() {
      while matched > 0, byte != part[matched] { matched = Int(fallback[matched - 1]) }
      if byte == part[matched] { matched += 1 }
      guard matched == part.count else { continue }
      places.append(place + 1 - part.count)
      if let limit, places.count >= limit { return places }
      matched = overlapping ? Int(fallback[matched - 1]) : 0
    }
    return places
  }

  /// The number of code points before a byte.
  static func position(ofByte offset: Int, in text: String) -> Int {
    text.utf8.prefix(offset).count { $0 & 0xC0 != 0x80 }
  }
}
