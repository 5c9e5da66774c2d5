import HybridizeCore
import TestSupport
import Testing

@Suite("the JSON writer")
struct JSONWriterTests {
  @Test("what it writes reads back the same", arguments: UInt64(0)..<50)
  func roundTrip(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "JSON")
    let value = Self.randomValue(&random, depth: 4)
    #expect(try JSONCursor.parse(Array(JSONWriter.compact(value).utf8)) == value, "seed \(seed)")
    #expect(try JSONCursor.parse(Array(JSONWriter.indented(value).utf8)) == value, "seed \(seed)")
  }

  private static func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
    switch random.index(below: depth > 0 ? 7 : 5) {
    case 0: return .null
    case 1: return .bool(random.index(below: 2) == 0)
    case 2: return .integer(Int(truncatingIfNeeded: random.next()))
    case 3: return .double(Double(bitPattern: random.next()))
    case 4: return .string(randomText(&random))
    case 5: return .array((0..<random.index(below: 5)).map { _ in randomValue(&random, depth: depth - 1) })
    default:
      var object = JSONObject()
      for _ in 0..<random.index(below: 5) { object[randomText(&random)] = randomValue(&random, depth: depth - 1) }
      return .object(object)
    }
  }

  /// Scalars from all over Unicode, control characters among them.
  private static func randomText(_ random: inout SeededGenerator) -> String {
    var text = String.UnicodeScalarView()
    for _ in 0..<random.index(below: 8) {
      let limit = [0x20, 0x80, 0x800, 0x11_0000][random.index(below: 4)]
      if let scalar = Unicode.Scalar(UInt32(random.index(below: limit))) { text.append(scalar) }
    }
    return String(text)
  }

  @Test("compact has no white space, indented is as Hugging Face's tools write it")
  func layout() throws {
    let value = try JSONCursor.parse(Array(#"{"a":[1,{"b":null}],"c":{},"d":[]}"#.utf8))
    #expect(JSONWriter.compact(value) == #"{"a":[1,{"b":null}],"c":{},"d":[]}"#)
    #expect(
      JSONWriter.indented(value) == """
        {
          "a": [
            1,
            {
              "b": null
            }
          ],
          "c": {},
          "d": []
        }

        """)
  }

  @Test("escapes what must be and nothing else")
  func escapes() {
    #expect(
      JSONWriter.quoted("\"\\/\n\r\t\u{8}\u{C}\u{0}\u{1F}\u{7F}é😀") == #""\"\\/\n\r\t\b\f\u0000\u001f"# + "\u{7F}é😀\"")
  }

  @Test("writes numbers that JSON does not have as null", arguments: [Double.nan, .infinity, -.infinity])
  func notFinite(_ value: Double) {
    #expect(JSONValue.double(value) == .null)
  }

  @Test("keeps the order of an object through changes")
  func objectOrder() {
    var object: JSONObject = ["a": .integer(1), "b": .integer(2), "c": .integer(3)]
    object["b"] = .bool(true)
    object["d"] = .null
    object["a"] = nil
    #expect(object.keys == ["b", "c", "d"])
    #expect(object["c"]?.integerValue == 3)
    #expect(object["a"] == nil)
    object["a"] = .string("again")
    #expect(JSONWriter.compact(.object(object)) == #"{"b":true,"c":3,"d":null,"a":"again"}"#)
  }
}
