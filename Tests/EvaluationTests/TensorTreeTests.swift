import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import Testing

@Suite("tensor trees and layer lists")
struct TensorTreeTests {
  private func tree(_ tensors: [(String, Shape)]) throws -> String {
    TensorTree(try tensors.map { try TensorDescriptor(name: $0.0, elementType: .float32, shape: $0.1) }).text
  }

  @Test("draws names by their parts, with sums on the branches")
  func drawing() throws {
    let text = try tree([
      ("model.embed.weight", [8, 4]), ("model.layers.0.up.weight", [2, 4]), ("model.layers.0.up.bias", [2]),
      ("model.layers.1.down.weight", [300, 256]), ("head", [3]),
    ])
    #expect(
      text == """
        ├─ model  76.8K parameters, 300.2 KiB
        │  ├─ embed.weight  F32 [8, 4]
        │  └─ layers  76.8K parameters, 300.0 KiB
        │     ├─ 0.up  10 parameters, 40 B
        │     │  ├─ weight  F32 [2, 4]
        │     │  └─ bias  F32 [2]
        │     └─ 1.down.weight  F32 [300, 256]
        └─ head  F32 [3]

        """)
  }

  @Test("a tensor may stand where others branch off")
  func tensorWithChildren() throws {
    #expect(
      try tree([("a", [1]), ("a.b", [2]), ("a.b.c", [3])]) == """
        └─ a  F32 [1]
           └─ b  F32 [2]
              └─ c  F32 [3]

        """)
  }

  @Test("names that would steer a terminal are written visibly, empty parts stay")
  func escaping() throws {
    let text = try tree([("a\u{1B}[31m.b", [1]), ("..x", [1]), ("a\u{1B}[31m.c\n", [1])])
    #expect(!text.contains("\u{1B}"))
    #expect(text.contains("a\\u{1b}[31m"))
    #expect(text.contains("c\\n  F32 [1]"))
    #expect(text.contains("..x  F32 [1]"))
  }

  @Test("a name of a million dots is no deeper than a tree may be")
  func depth() throws {
    let name = String(repeating: "a.", count: 1_000_000)
    let text = try tree([(name + "x", [1]), (name + "y", [2])])
    #expect(text.contains("x  F32 [1]") && text.contains("y  F32 [2]"))
  }

  struct Layers: CustomTestStringConvertible, Sendable {
    let layers: [Int]
    let text: String
    var testDescription: String { text }
  }

  static let layers = [
    Layers(layers: [], text: "none"), Layers(layers: [4], text: "4"), Layers(layers: [0, 6], text: "0, 6"),
    Layers(layers: [1, 2, 3, 4, 5, 7], text: "1-5, 7"), Layers(layers: [9, 0, 8, 1], text: "0-1, 8-9"),
  ]

  @Test("layers are written as people write them", arguments: layers)
  func layerList(_ layers: Layers) { #expect(LayerList.text(layers.layers) == layers.text) }
}
