import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("an unusual but valid safetensors file")
struct AcceptedFileTests {
  private let directory = TemporaryDirectory()

  private func open(_ header: String, data: Int = 0) throws -> SafetensorsReader {
    let path = directory.write("a.safetensors", SafetensorsBytes.file(header, dataSize: data))
    return try SafetensorsReader(path, strict: true)
  }

  @Test(
    "passes every check of a reader",
    arguments: [
      ("a scalar", #"{"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4),
      ("a zero dimension", #"{"t":{"dtype":"F32","shape":[3,0,2],"data_offsets":[0,0]}}"#, 0),
      (
        "a zero among huge dimensions",
        #"{"t":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}}"#, 0
      ),
      (
        "a zero before a huge dimension",
        #"{"t":{"dtype":"F64","shape":[0,4611686018427387904],"data_offsets":[0,0]}}"#, 0
      ),
      ("no tensors", "{}", 0),
      ("null metadata", #"{"__metadata__":null}"#, 0),
      ("an empty name", #"{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1),
      ("NUL in a name", #"{"a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1),
      ("a path for a name", #"{"../../etc/passwd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1),
      ("four F4 in two bytes", #"{"t":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}"#, 2),
      ("four F6 in three bytes", #"{"t":{"dtype":"F6_E3M2","shape":[2,2],"data_offsets":[0,3]}}"#, 3),
      (
        "unaligned tensors",
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}"#,
        9
      ),
      ("white space around", "\n\t\r {} \n", 0),
      ("white space within", "{ \"t\" : {\"dtype\" :\"U8\", \"shape\":[ 1 ],\n\"data_offsets\":[0 ,1]} }", 1),
      ("a rank of 64", #"{"t":{"dtype":"U8","shape":[\#(ones)],"data_offsets":[0,1]}}"#, 1),
      ("a field name as a metadata key", #"{"__metadata__":{"dtype":"x","shape":"[1]","data_offsets":""}}"#, 0),
    ])
  func accepted(_ what: String, _ header: String, _ data: Int) throws {
    try checkTensorReader(try open(header, data: data))
  }

  private static let ones = [String](repeating: "1", count: 64).joined(separator: ",")

  @Test("keeps names apart that Unicode takes for equal")
  func canonicalEquivalence() throws {
    let reader = try open(
      #"{"\u00e9":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""e\u0301":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2)
    try checkTensorReader(reader)
    #expect(try reader.bytes("\u{E9}") == [0])
    #expect(try reader.bytes("e\u{301}") == [1])
  }

  @Test("gives a BOOL of 2 as it stands")
  func strangeBool() throws {
    let reader = try open(#"{"t":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}"#, data: 3)
    #expect(try reader.bytes("t") == [0, 1, 2])
  }

  @Test("lists tensors in the order of their data and metadata in the order of the text")
  func orders() throws {
    let reader = try open(
      #"{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"#
        + #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"z":"1","a":"2"}}"#, data: 3)
    #expect(reader.tensors.map(\.name) == ["a", "z", "b"])
    #expect(reader.metadata.map(\.key) == ["z", "a"])
    #expect(reader.metadata.map(\.value) == ["1", "2"])
    #expect(try reader.bytes("b") == [1, 2])
  }

  @Test("knows every element type and its size", arguments: ElementType.allCases)
  func everyType(_ type: ElementType) throws {
    let bytes = type.bitsPerElement
    let header = #"{"t":{"dtype":"\#(type.rawValue)","shape":[8],"data_offsets":[0,\#(bytes)]}}"#
    let reader = try open(header, data: bytes)
    #expect(reader.tensors.map(\.elementType) == [type])
    try checkTensorReader(reader)
  }
}
