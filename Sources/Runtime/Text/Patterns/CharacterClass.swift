/// What the patterns of tokenizers ask of a character.
enum CharacterClass: UInt8 {
  case other = 0
  /// `\p{L}`
  case letter = 1
  /// `\p{N}`
  case number = 2
  /// `\s`
  case space = 3

  /// The class of every code point, one byte each, expanded from the committed runs when it is first used.
  static let table: [CharacterClass] = {
    var table = [CharacterClass](repeating: .other, count: 0x110000)
    var start = 0
    var current = CharacterClass.other
    for run in runs {
      let next = start + Int(run >> 2)
      if current != .other { for point in start..<next { table[point] = current } }
      start = next
      current = CharacterClass(rawValue: UInt8(run & 3)) ?? .other
    }
    return table
  }()
}

/// Text as a tokenizer's patterns see it: bytes, and the class of the character at a byte.
struct ClassifiedText {
  let bytes: [UInt8]
  private let table = CharacterClass.table

  init(_ text: String) { bytes = Array(text.utf8) }

  /// - Precondition: valid UTF-8, as the bytes of a `String` are.
  init(bytes: [UInt8]) { self.bytes = bytes }

  /// The character that begins at `index`.
  func scalar(at index: Int) -> Unicode.Scalar {
    let lead = bytes[index]
    if lead < 0x80 { return Unicode.Scalar(lead) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var point = UInt32(lead) & (0x7F >> UInt32(length))
    for offset in 1..<length { point = point << 6 | UInt32(bytes[index + offset] & 0x3F) }
    return Unicode.Scalar(point) ?? "\u{FFFD}"
  }

  /// Where the next character begins.
  func nextCharacter(after index: Int) -> Int {
    let lead = bytes[index]
    return index + (lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4)
  }

  /// Class and length of the character that begins at `index`.
  func character(at index: Int) -> (kind: CharacterClass, length: Int) {
    let lead = bytes[index]
    if lead < 0x80 { return (table[Int(lead)], 1) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var point = Int(lead) & (0x7F >> length)
    for offset in 1..<length { point = point << 6 | Int(bytes[index + offset] & 0x3F) }
    return (table[point], length)
  }

  /// The end of the run of characters from `start` on for which `matches` holds.
  func run(from start: Int, to end: Int, _ matches: (CharacterClass) -> Bool) -> Int {
    var index = start
    while index < end {
      let (kind, length) = character(at: index)
      guard matches(kind) else { break }
      index += length
    }
    return index
  }

  /// Where the last character before `end` begins.
  func lastCharacter(before end: Int) -> Int {
    var index = end - 1
    while bytes[index] & 0xC0 == 0x80 { index -= 1 }
    return index
  }
}
