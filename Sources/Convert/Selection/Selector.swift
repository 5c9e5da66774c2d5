import HybridizeCore
import HybridizeRuntime

/// A way to choose the layers that stay softmax attention.
public protocol Selector: Sendable {
  /// As `--select` names it.
  static var name: String { get }
  init()
  /// The layers to keep, in ascending order.
  ///
  /// - Precondition: `count` is 0 to the number of softmax layers.
  func select(_ count: Int, of model: ModelConfiguration) throws(HybridizeError) -> [Int]
}

/// The selectors that do not train. A new one is its file and a line here.
public enum SelectorRegistry {
  public static let all: [any Selector.Type] = [UniformSelector.self]

  /// - Throws: `.unknownSelector`.
  public static func selector(
    named name: String, of selectors: [any Selector.Type] = all
  ) throws(HybridizeError) -> any Selector {
    guard let type = selectors.first(where: { $0.name == name }) else {
      throw HybridizeError(
        .unknownSelector, expected: selectors.map { $0.name }.joined(separator: ", "), found: name)
    }
    return type.init()
  }
}

extension Problem {
  public static let unknownSelector = Problem("unknownSelector", .argument, "the selector is not known")
}
