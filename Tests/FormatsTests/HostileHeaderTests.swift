import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

/// A file that must be refused, and for which reason.
struct HostileFile: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let problem: Problem
  let bytes: [UInt8]

  init(_ name: String, _ problem: Problem, _ bytes: [UInt8]) {
    testDescription = name
    self.problem = problem
    self.bytes = bytes
  }

  /// A well-framed file with this header.
  init(_ name: String, _ problem: Problem, _ header: String, data: Int = 0) {
    self.init(name, problem, SafetensorsBytes.file(header, dataSize: data))
  }

  /// A file with one tensor `t`, given by its value in the header.
  init(_ name: String, _ problem: Problem, tensor: String, data: Int = 16) {
    self.init(name, problem, #"{"t":\#(tensor)}"#, data: data)
  }

  /// A file with one tensor of type I32, `[2,2]` and `[0,16]` but for the parts given.
  init(
    _ name: String, _ problem: Problem, dtype: String = #""I32""#, shape: String = "[2,2]",
    offsets: String = "[0,16]", data: Int = 16
  ) {
    self.init(
      name, problem, tensor: #"{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}"#, data: data)
  }
}

@Suite("a hostile safetensors file")
struct HostileHeaderTests {
  @Test("is refused with the problem named after its fault", arguments: HostileFile.corpus)
  func refused(_ file: HostileFile) throws {
    let directory = TemporaryDirectory()
    let path = directory.write("hostile.safetensors", file.bytes)
    let error = expectProblem(file.problem) { try SafetensorsReader(path, strict: true) }
    #expect(error?.file == path)
    #expect(error?.category == .inputFile)
    #expect((error?.offset ?? 0) <= file.bytes.count, "an offset is within the file")
  }

  @Test("has its names escaped in the message")
  func escapedNames() throws {
    let directory = TemporaryDirectory()
    let path = directory.write(
      "names.safetensors", SafetensorsBytes.file(#"{"\u001b[2J\u202e":{"dtype":"I32"}}"#))
    let error = try #require(expectProblem(.missingField) { try SafetensorsReader(path) })
    let text = ErrorText.render(error)
    #expect(text.contains(#"\u{1b}[2J\u{202e}"#))
    #expect(!text.unicodeScalars.contains("\u{1B}"))
  }

  @Test("gets a hint when its length is big-endian, or when it is a Git LFS pointer")
  func hints() throws {
    let directory = TemporaryDirectory()
    let turned = directory.write("turned.safetensors", [0, 0, 0, 0, 0, 0, 0, 2] + Array("{}".utf8))
    #expect(expectProblem(.headerTooLarge) { try SafetensorsReader(turned) }?.remedy?.contains("big-endian") == true)
    let pointer = directory.write("pointer.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    #expect(expectProblem(.headerTooLarge) { try SafetensorsReader(pointer) }?.remedy?.contains("git lfs") == true)
  }

  @Test("with an unknown field is refused only where strictness is asked for")
  func unknownField() throws {
    let directory = TemporaryDirectory()
    let header = #"{"t":{"dtype":"U8","extra":{"a":[1,true,null,"x"]},"shape":[1],"data_offsets":[0,1]}}"#
    let path = directory.write("extra.safetensors", SafetensorsBytes.file(header, dataSize: 1))
    #expect(expectProblem(.unknownField) { try SafetensorsReader(path, strict: true) }?.found == "extra")
    #expect(try SafetensorsReader(path).tensors.map(\.name) == ["t"])
  }

  @Test("nested without end is refused before the stack is", arguments: [65, 200, 100_000])
  func deepNesting(_ depth: Int) throws {
    let directory = TemporaryDirectory()
    let nest = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let unknown = directory.write("a.safetensors", SafetensorsBytes.file(#"{"t":{"x":\#(nest)}}"#))
    expectProblem(.jsonTooDeep) { try SafetensorsReader(unknown) }
    let metadata = directory.write("b.safetensors", SafetensorsBytes.file(#"{"__metadata__":{"x":\#(nest)}}"#))
    expectProblem(.jsonTooDeep) { try SafetensorsReader(metadata) }
  }

  @Test("names both tensors of an overlap, the same each time")
  func overlapNames() throws {
    let directory = TemporaryDirectory()
    let one = SafetensorsBytes.tensor("U8", "[4]", 0, 4)
    let path = directory.write(
      "overlap.safetensors", SafetensorsBytes.file(#"{"b":\#(one),"a":\#(one),"c":\#(one)}"#, dataSize: 4))
    for _ in 0..<4 {
      let error = expectProblem(.overlap) { try SafetensorsReader(path) }
      #expect(error?.tensor == "a")
      #expect(error?.found?.contains("\"b\"") == true)
    }
  }
}
