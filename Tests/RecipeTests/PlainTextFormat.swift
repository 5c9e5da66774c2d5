import HybridizeCore
import HybridizeFormats

/// Tensors as text, a float32 one a line: `NAME 2x3 1 2 3 4 5 6`.
enum PlainTextFormat: CheckpointFormat {
  static let name = "plain-text"
  static let accepts = "a .tensors.txt file"

  static func recognize(_ candidate: FormatCandidate) -> FormatMatch {
    candidate.path.hasSuffix(".tensors.txt") ? .byName : .none
  }

  static func open(_ path: String) throws(HybridizeError) -> any TensorReader { try PlainTextReader(path) }
}

final class PlainTextReader: TensorReader {
  let path: String
  let formatName = PlainTextFormat.name
  let tensors: [TensorDescriptor]
  let metadata: [(key: String, value: String)] = []
  private let stored: [UTF8Key: StoredTensor]

  var files: [String] { [path] }

  init(_ path: String) throws(HybridizeError) {
    let text = String(decoding: try FileSystem.read(path, limit: 1 << 30), as: UTF8.self)
    var tensors: [TensorDescriptor] = []
    var stored: [UTF8Key: StoredTensor] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      let dimensions = words.dropFirst().first?.split(separator: "x").map { Int($0) ?? -1 } ?? [-1]
      let values = words.dropFirst(2).compactMap { Float($0) }
      guard !dimensions.contains(where: { $0 < 0 }), try Shape(dimensions).elementCount() == words.count - 2,
        values.count == words.count - 2, stored[UTF8Key(String(words[0]))] == nil
      else { throw HybridizeError(.notATensorLine, file: path, found: String(line.prefix(80))) }
      let tensor = StoredTensor(name: String(words[0]), values, shape: Shape(dimensions))
      tensors.append(try TensorDescriptor(name: tensor.name, elementType: .float32, shape: tensor.shape))
      stored[UTF8Key(tensor.name)] = tensor
    }
    self.path = path
    self.tensors = tensors
    self.stored = stored
  }

  func descriptor(named name: String) -> TensorDescriptor? { tensors.first { UTF8Key($0.name) == UTF8Key(name) } }

  func file(of name: String) -> String? { stored[UTF8Key(name)].map { _ in path } }

  func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard let tensor = stored[UTF8Key(name)] else { throw missing(name) }
    return tensor
  }

  func read(_ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    guard let descriptor = descriptor(named: name) else { throw missing(name) }
    try descriptor.check(range, in: path)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: try tensor(named: name).bytes[range]))
  }
}

extension Problem {
  static let notATensorLine = Problem("notATensorLine", .inputFile, "a line is no tensor")
}
