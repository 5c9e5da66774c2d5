import HybridizeCore
import TestSupport
import Testing

@Suite("the JSON cursor")
struct JSONCursorTests {
  private func parse(_ text: String, depthLimit: Int = 64) throws -> JSONValue {
    try JSONCursor.parse(Array(text.utf8), depthLimit: depthLimit)
  }

  @Test("reads every kind of value and keeps order and number text")
  func everything() throws {
    let value = try parse(#" {"b" : [1, -0.5e+10, true, false, null], "a":{"":"x"} } "#)
    let object = try #require(value.objectValue)
    #expect(object.keys == ["b", "a"])
    #expect(
      object["b"] == .array([.number("1"), .number("-0.5e+10"), .bool(true), .bool(false), .null]))
    #expect(object["a"]?.objectValue?[""] == .string("x"))
    #expect(try parse("3") == .number("3"))
  }

  @Test(
    "unescapes strings",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u4E2d""#, "Aé中"),
      (#""\ud83d\ude00""#, "😀"), (#""\u0000""#, "\0"), (#""é😀""#, "é😀"), (#""""#, ""),
    ])
  func strings(_ text: String, _ expected: String) throws {
    let value = try #require(try parse(text).stringValue)
    #expect(Array(value.utf8) == Array(expected.utf8))
  }

  @Test(
    "refuses what is no JSON, with the offset",
    arguments: [
      ("", 0), ("{", 1), ("[", 1), ("[1", 2), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1}", 2), (#"{"a"}"#, 4),
      (#"{"a":}"#, 5), (#"{"a":1,}"#, 7), ("{a:1}", 1), ("{'a':1}", 1), ("{1:1}", 1), ("nul", 0), ("nullx", 4),
      ("True", 0), ("{}{}", 2), ("1 1", 2), ("{}\0", 2), ("// x\n1", 0), (#""a"#, 2), ("\"a\nb\"", 2), ("\"\u{1}\"", 1),
      (#""\x41""#, 1), (#""\u12g4""#, 5), (#""\u123"#, 6), ("\u{FEFF}{}", 0), ("]", 0),
    ])
  func refused(_ text: String, _ offset: Int) {
    let error = expectProblem(.jsonSyntax, "\(text)") { try parse(text) }
    #expect(error?.offset == offset, "\(text)")
  }

  @Test(
    "refuses numbers that JSON does not have",
    arguments: ["-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1.e5", "--1"])
  func badNumbers(_ text: String) {
    expectProblem(.jsonSyntax, "\(text)") { try parse(text) }
    expectProblem(.jsonSyntax, "\(text)") { try parse("[\(text)]") }
  }

  @Test(
    "keeps every number that JSON has", arguments: ["0", "-0", "10", "1.5", "1E5", "1e-05", "18446744073709551616"])
  func goodNumbers(_ text: String) throws {
    #expect(try parse(text) == .number(text))
  }

  @Test(
    "refuses half a surrogate pair",
    arguments: [#""\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\udc00""#])
  func surrogates(_ text: String) {
    #expect(expectProblem(.jsonLoneSurrogate, "\(text)") { try parse(text) }?.offset == 1)
  }

  @Test("names a byte order mark for what it is")
  func byteOrderMark() {
    #expect(expectProblem(.jsonSyntax) { try parse("\u{FEFF}{}") }?.found == "a byte order mark")
  }

  @Test(
    "refuses bytes that are no UTF-8, wherever they stand",
    arguments: [
      ([0xFF], 0), ([0x22, 0xC0, 0xAF, 0x22], 1), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1), ([0x22, 0xE2, 0x82, 0x22], 1),
      ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1), ([0x31, 0x20, 0x80], 2),
    ] as [([UInt8], Int)])
  func invalidUTF8(_ bytes: [UInt8], _ offset: Int) {
    #expect(expectProblem(.invalidUTF8) { try JSONCursor.parse(bytes) }?.offset == offset)
  }

  @Test(
    "refuses a key that appears twice, compared after unescaping",
    arguments: [#"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#])
  func duplicates(_ text: String) {
    #expect(expectProblem(.jsonDuplicateKey) { try parse(text) }?.found == "a")
  }

  @Test("keeps keys apart that Unicode takes for equal")
  func canonicalEquivalence() throws {
    let object = try #require(try parse(#"{"\u00e9":1,"e\u0301":2}"#).objectValue)
    #expect(object.count == 2)
    #expect(object["e\u{301}"] == .number("2"))
  }

  @Test("goes as deep as it is told and no deeper")
  func depth() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(try parse(nested(64)).arrayValue?.count == 1)
    #expect(expectProblem(.jsonTooDeep) { try parse(nested(65)) }?.offset == 64)
    expectProblem(.jsonTooDeep) { try parse(nested(1_000_000)) }
    expectProblem(.jsonTooDeep) { try parse(nested(3), depthLimit: 2) }
    expectProblem(.jsonTooDeep) { try parse(#"{"a":{"a":{}}}"#, depthLimit: 2) }
  }

  @Test("can be pulled value by value")
  func pull() throws {
    var cursor = try JSONCursor(Array(#" {"a": [1, 2], "b": "x"} "#.utf8))
    try cursor.beginObject()
    #expect(try cursor.nextKey() == "a")
    #expect(cursor.nextByte() == UInt8(ascii: "["))
    try cursor.beginArray()
    var numbers: [String] = []
    while try cursor.nextElement() { numbers.append(try cursor.number()) }
    #expect(numbers == ["1", "2"])
    #expect(try cursor.nextKey() == "b")
    #expect(try cursor.string() == "x")
    #expect(try cursor.nextKey() == nil)
    try cursor.finish()
    #expect(cursor.nextByte() == nil)
  }

  @Test("numbers that Python alone writes are read on request, and only then")
  func nonFinite() throws {
    let text = #"{"a": NaN, "b": [Infinity, -Infinity, -1]}"#
    let value = try JSONCursor.parse(Array(text.utf8), takesNonFinite: true)
    let numbers = value.objectValue?["b"]?.arrayValue?.map(\.doubleValue)
    #expect(numbers == [.infinity, -.infinity, -1])
    #expect(value.objectValue?["a"]?.doubleValue?.isNaN == true)
    // What was read is written again as it was.
    #expect(JSONWriter.compact(value) == #"{"a":NaN,"b":[Infinity,-Infinity,-1]}"#)
    expectProblem(.jsonSyntax) { try JSONCursor.parse(Array(text.utf8)) }
    for wrong in ["nan", "-NaN", "Infinit", "-Infinit", "+Infinity", "inf", "[NaN", "InfinityX"] {
      expectProblem(.jsonSyntax, "\(wrong)") { try JSONCursor.parse(Array(wrong.utf8), takesNonFinite: true) }
    }
    for strict in ["NaN", "Infinity", "-Infinity"] {
      expectProblem(.jsonSyntax) { try JSONCursor.parse(Array(strict.utf8)) }
    }
  }
}
