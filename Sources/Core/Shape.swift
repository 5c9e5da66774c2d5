/// The dimensions of a tensor, outermost first. A scalar has none.
public struct Shape: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
  public let dimensions: [Int]

  /// - Precondition: no dimension is negative; files are checked before a shape is made of them.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "negative dimension in \(dimensions)")
    self.dimensions = dimensions
  }

  public init(arrayLiteral elements: Int...) { self.init(elements) }

  public var rank: Int { dimensions.count }

  /// Number of elements. A zero anywhere makes it zero, whatever the order of the dimensions.
  ///
  /// - Throws: `.sizeOverflow`.
  public func elementCount() throws(HybridizeError) -> Int {
    if dimensions.contains(0) { return 0 }
    var count = 1
    for dimension in dimensions { count = try CheckedMath.multiply(count, dimension) }
    return count
  }

  public var description: String {
    "[" + dimensions.map { String($0) }.joined(separator: ", ") + "]"
  }
}
