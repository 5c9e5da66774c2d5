import HybridizeCore
import HybridizeFormats

/// Every way to be wrong that is known of other readers, one case a rule.
extension HostileFile {
  static let corpus = framing + text + names + types + numbers + places + metadata

  private static let framing: [HostileFile] = [
    .init("no bytes", .truncatedPrefix, [UInt8]()),
    .init("seven bytes", .truncatedPrefix, [UInt8](repeating: 0, count: 7)),
    .init("a length of zero", .emptyHeader, SafetensorsBytes.prefix(0)),
    .init("a length past the end", .headerPastEOF, SafetensorsBytes.file("{}", length: 3)),
    .init("a length far past the end", .headerPastEOF, SafetensorsBytes.file("{}", length: 100_000_000)),
    .init("a length above the limit", .headerTooLarge, SafetensorsBytes.file("{}", length: 100_000_001)),
    .init("a length of 2^64-1", .headerTooLarge, SafetensorsBytes.file("{}", length: .max)),
    .init("a length of 2^64-8", .headerTooLarge, SafetensorsBytes.file("{}", length: .max - 7)),
    .init("a length of 2^63", .headerTooLarge, SafetensorsBytes.file("{}", length: 1 << 63)),
    .init("a big-endian length", .headerTooLarge, SafetensorsBytes.file("{}", length: (2 as UInt64).byteSwapped)),
    .init("a length one short", .jsonSyntax, SafetensorsBytes.file("{}", length: 1)),
    .init("a length that takes a data byte", .jsonSyntax, SafetensorsBytes.file("{}", dataSize: 1, length: 3)),
  ]

  private static let text: [HostileFile] = [
    .init("byte FF", .invalidUTF8, SafetensorsBytes.file([0xFF])),
    .init("byte FF in a name", .invalidUTF8, SafetensorsBytes.file(Array("{\"".utf8) + [0xFF] + Array("\":1}".utf8))),
    .init("over-long UTF-8", .invalidUTF8, SafetensorsBytes.file(Array("{\"".utf8) + [0xC0, 0xAF, 0x22, 0x7D])),
    .init("a raw surrogate", .invalidUTF8, SafetensorsBytes.file(Array("{\"".utf8) + [0xED, 0xA0, 0x80, 0x22, 0x7D])),
    .init("an open brace alone", .jsonSyntax, "{"),
    .init("only spaces", .jsonSyntax, "        "),
    .init("a byte order mark", .jsonSyntax, "\u{FEFF}{}"),
    .init("an array at the top", .jsonSyntax, "[]"),
    .init("null at the top", .jsonSyntax, "null"),
    .init("a number at the top", .jsonSyntax, "3"),
    .init("a letter after the object", .jsonSyntax, "{}x"),
    .init("two objects", .jsonSyntax, "{}{}"),
    .init("padding with NUL", .jsonSyntax, "{}\0\0"),
    .init("a comment", .jsonSyntax, "{}/*x*/"),
    .init("a trailing comma", .jsonSyntax, #"{"__metadata__":{},}"#),
    .init("single quotes", .jsonSyntax, "{'t':1}"),
    .init("a raw control character in a name", .jsonSyntax, "{\"a\nb\":1}"),
    .init("half a surrogate pair", .jsonLoneSurrogate, #"{"\ud800":1}"#),
    .init("the second half first", .jsonLoneSurrogate, #"{"\udc00\ud800":1}"#),
    .init("an escape that JSON does not have", .jsonSyntax, #"{"\x41":1}"#),
  ]

  private static let four = SafetensorsBytes.tensor("U8", "[4]", 0, 4)

  private static let names: [HostileFile] = [
    .init("a name twice, equal", .duplicateName, #"{"a":\#(four),"a":\#(four)}"#, data: 4),
    .init(
      "a name twice, the first invalid", .duplicateName,
      #"{"a":\#(SafetensorsBytes.tensor("U8", "[9]", 0, 9)),"a":\#(four)}"#, data: 4),
    .init("a name twice, once escaped", .duplicateName, #"{"a":\#(four),"\u0061":\#(four)}"#, data: 4),
    .init(
      "a field twice", .duplicateField, tensor: #"{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}"#,
      data: 4),
    .init(
      "a shape twice", .duplicateField, tensor: #"{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}"#,
      data: 4),
    .init("metadata twice", .duplicateField, #"{"__metadata__":{},"__metadata__":{}}"#),
    .init("null metadata and metadata", .duplicateField, #"{"__metadata__":null,"__metadata__":{}}"#),
    .init("a metadata key twice", .duplicateName, #"{"__metadata__":{"k":"1","k":"2"}}"#),
    .init("an unknown field", .unknownField, tensor: #"{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}"#),
    .init("no dtype", .missingField, tensor: #"{"shape":[2,2],"data_offsets":[0,16]}"#),
    .init("no shape", .missingField, tensor: #"{"dtype":"I32","data_offsets":[0,16]}"#),
    .init("no data_offsets", .missingField, tensor: #"{"dtype":"I32","shape":[2,2]}"#),
  ]

  private static let types: [HostileFile] = [
    .init("a tensor as an array", .wrongType, tensor: #"["I32",[2,2],[0,16]]"#),
    .init("a null tensor", .wrongType, tensor: "null"),
    .init("a string tensor", .wrongType, tensor: #""x""#),
    .init("a number for a tensor", .wrongType, tensor: "7"),
    .init("a dtype in lower case", .unknownDtype, dtype: #""f32""#),
    .init("a dtype that does not exist", .unknownDtype, dtype: #""F128""#),
    .init("an empty dtype", .unknownDtype, dtype: #""""#),
    .init("a dtype as a number", .wrongType, dtype: "3"),
    .init("a dtype as an object", .wrongType, dtype: #"{"I32":null}"#),
    .init("a null shape", .wrongType, shape: "null"),
    .init("a shape as a number", .wrongType, shape: "4"),
    .init("a nested shape", .wrongType, shape: "[[2],[2]]"),
    .init("a shape of strings", .wrongType, shape: #"["2","2"]"#),
    .init("a shape of booleans", .wrongType, shape: "[true,true]"),
    .init("one offset", .wrongType, offsets: "[0]"),
    .init("three offsets", .wrongType, offsets: "[0,8,16]"),
    .init("offsets as an object", .wrongType, offsets: #"{"begin":0,"end":16}"#),
    .init("a negative offset", .wrongType, offsets: "[-1,15]"),
    .init("an offset with a fraction", .wrongType, offsets: "[0,16.0]"),
  ]

  private static let numbers: [HostileFile] = [
    .init("NaN in a shape", .jsonSyntax, shape: "[NaN]"),
    .init("Infinity in a shape", .jsonSyntax, shape: "[-Infinity]"),
    .init("a negative dimension", .negativeInteger, shape: "[-2,-2]"),
    .init("a dimension with a fraction", .nonIntegerNumber, shape: "[2.0,2]"),
    .init("a dimension with an exponent", .nonIntegerNumber, shape: "[4e0]"),
    .init("a dimension of minus zero", .nonIntegerNumber, shape: "[-0]"),
    .init("a dimension with a leading zero", .jsonSyntax, shape: "[02,2]"),
    .init("a dimension of 2^64", .integerOverflow, shape: "[18446744073709551616]"),
    .init("a dimension of a thousand digits", .integerOverflow, shape: "[\(String(repeating: "9", count: 1000))]"),
    .init("2 x (2^64-2) elements", .sizeOverflow, shape: "[2,18446744073709551614]"),
    .init("2 x (2^63-1) elements", .sizeOverflow, shape: "[2,9223372036854775807]"),
    .init("2^61 bytes, whose bits overflow", .sizeOverflow, dtype: #""U8""#, shape: "[2305843009213693952]"),
    .init("2^64-1 bytes", .sizeOverflow, dtype: #""U8""#, shape: "[18446744073709551615]"),
    .init("2^63 twice, then zero", .sizeOverflow, shape: "[9223372036854775808,9223372036854775808,0]", data: 0),
    .init("zero, then 2^63 twice", .sizeOverflow, shape: "[0,9223372036854775808,9223372036854775808]", data: 0),
    .init("65 dimensions", .rankLimit, shape: ones(65), offsets: "[0,4]", data: 4),
    .init("100000 dimensions", .rankLimit, shape: ones(100_000), offsets: "[0,4]", data: 4),
    .init("half a byte of F4", .subByteMisaligned, dtype: #""F4""#, shape: "[3]", offsets: "[0,2]", data: 2),
    .init("a quarter byte of F6", .subByteMisaligned, dtype: #""F6_E2M3""#, shape: "[3]", offsets: "[0,3]", data: 3),
  ]

  private static func ones(_ count: Int) -> String {
    "[" + [String](repeating: "1", count: count).joined(separator: ",") + "]"
  }

  private static func two(_ a: String, _ b: String) -> String { #"{"a":\#(a),"b":\#(b)}"# }

  private static let places: [HostileFile] = [
    .init("less data than the shape needs", .sizeMismatch, offsets: "[0,12]", data: 12),
    .init("more data than the shape needs", .sizeMismatch, offsets: "[0,20]", data: 20),
    .init("a wider dtype than the data", .sizeMismatch, dtype: #""I64""#),
    .init("offsets reversed", .offsetsReversed, offsets: "[16,0]"),
    .init("data that starts late", .hole, offsets: "[4,20]", data: 20),
    .init("a hole between two", .hole, two(four, SafetensorsBytes.tensor("U8", "[4]", 8, 12)), data: 12),
    .init("two that share bytes", .overlap, two(four, SafetensorsBytes.tensor("U8", "[4]", 2, 6)), data: 6),
    .init("two at the same place", .overlap, two(four, four), data: 4),
    .init(
      "an empty one within another", .offsetInsideOther, two(four, SafetensorsBytes.tensor("U8", "[0]", 2, 2)), data: 4),
    .init("an empty one past the end", .hole, two(four, SafetensorsBytes.tensor("U8", "[0]", 9, 9)), data: 4),
    .init("data cut short", .truncatedData, data: 15),
    .init("no data at all", .truncatedData, data: 0),
    .init("a byte too many", .trailingBytes, data: 17),
    .init("data and no tensor", .trailingBytes, "{}", data: 8),
    .init(
      "2^60 bytes claimed of one", .truncatedData, dtype: #""U8""#, shape: "[1152921504606846976]",
      offsets: "[0,1152921504606846976]", data: 1),
  ]

  private static let metadata: [HostileFile] = [
    .init("a number in metadata", .metadataNotString, #"{"__metadata__":{"k":1}}"#),
    .init("null in metadata", .metadataNotString, #"{"__metadata__":{"k":null}}"#),
    .init("an object in metadata", .metadataNotString, #"{"__metadata__":{"k":{"a":"b"}}}"#),
    .init("metadata as a string", .wrongType, #"{"__metadata__":"x"}"#),
    .init("metadata as an array", .wrongType, #"{"__metadata__":[]}"#),
    .init("nothing where metadata should be", .jsonSyntax, #"{"__metadata__":nil}"#),
  ]
}
