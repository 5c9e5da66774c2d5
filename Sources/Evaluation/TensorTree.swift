import HybridizeCore
import HybridizeFormats

/// Tensor names as a tree of their parts between dots, with sizes summed up the branches.
public struct TensorTree: Sendable {
  private struct Node {
    var children: [(name: String, node: Node)] = []
    private var positions: [UTF8Key: Int] = [:]
    var tensor: TensorDescriptor?
    var parameters = 0
    var bytes = 0

    mutating func insert(_ path: ArraySlice<Substring>, _ tensor: TensorDescriptor, parameters count: Int) {
      parameters += count
      bytes += tensor.byteCount
      guard let first = path.first else {
        self.tensor = tensor
        return
      }
      let key = UTF8Key(String(first))
      let index = positions[key]
      if let index {
        children[index].node.insert(path.dropFirst(), tensor, parameters: count)
      } else {
        var node = Node()
        node.insert(path.dropFirst(), tensor, parameters: count)
        positions[key] = children.count
        children.append((key.string, node))
      }
    }
  }

  private var root = Node()

  /// Names come from files, and a tree as deep as a name has dots could be deeper than the stack.
  private static let maximumDepth = 64

  public init(_ tensors: [TensorDescriptor]) {
    for tensor in tensors {
      let path = tensor.name.split(
        separator: ".", maxSplits: Self.maximumDepth - 1, omittingEmptySubsequences: false)
      root.insert(path[...], tensor, parameters: (try? tensor.shape.elementCount()) ?? 0)
    }
  }

  /// One line a node, drawn with box characters; chains of single children stand on one line.
  public var text: String {
    var lines: [String] = []
    Self.draw(root, indent: "", into: &lines)
    return lines.joined(separator: "\n") + "\n"
  }

  private static func draw(_ node: Node, indent: String, into lines: inout [String]) {
    for (position, child) in node.children.enumerated() {
      let isLast = position == node.children.count - 1
      var name = child.name
      var inner = child.node
      while inner.tensor == nil, inner.children.count == 1 {
        name += "." + inner.children[0].name
        inner = inner.children[0].node
      }
      let description: String
      if let tensor = inner.tensor {
        description = "\(tensor.elementType.rawValue) \(tensor.shape)"
      } else {
        description = "\(NumberText.count(inner.parameters)) parameters, \(NumberText.bytes(inner.bytes))"
      }
      lines.append(indent + (isLast ? "└─ " : "├─ ") + ErrorText.escape(name) + "  " + description)
      draw(inner, indent: indent + (isLast ? "   " : "│  "), into: &lines)
    }
  }
}
