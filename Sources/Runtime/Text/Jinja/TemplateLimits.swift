import HybridizeCore

/// How much a template may cost. Published ones stay far below.
package struct TemplateLimits: Sendable {
  /// Expressions and statements that are computed, elements that are looked at, blocks of 64 bytes of text that are read.
  package var steps = 5_000_000
  /// Bytes of the rendered text, and of any other text on the way.
  package var textBytes = 16 << 20
  /// Bytes of all that is made on the way, whether it is still needed or not.
  package var memoryBytes = 512 << 20
  /// Brackets and blocks inside one another in the source.
  package var sourceNesting = 48
  /// Expressions, blocks and macros inside one another while it runs.
  package var depth = 192
  /// Bytes of the source.
  package var sourceBytes = 1 << 20

  /// Lists inside one another; one more than a file of JSON may have, as messages lie in a list.
  static let valueDepth = 72
  /// As in Jinja's sandbox.
  static let rangeLength = 100_000

  package init() {}
}

/// What is left of the limits while a template runs.
final class TemplateBudget {
  let limits: TemplateLimits
  private var steps: Int
  private var memory: Int

  init(_ limits: TemplateLimits) {
    self.limits = limits
    steps = limits.steps
    memory = limits.memoryBytes
  }

  /// - Throws: `.chatTemplateLimit`.
  func spend(steps count: Int = 1) throws(HybridizeError) {
    guard count <= steps else { throw TemplateFault.limit("more than \(limits.steps) steps") }
    steps -= count
  }

  /// For a text of so many bytes that is read through.
  ///
  /// - Throws: `.chatTemplateLimit`.
  func spend(reading bytes: Int) throws(HybridizeError) { try spend(steps: 1 + bytes / 64) }

  /// For a text of so many bytes, before it is made.
  ///
  /// - Throws: `.chatTemplateLimit`.
  func spend(text bytes: Int) throws(HybridizeError) {
    guard bytes <= limits.textBytes else { throw TemplateFault.limit("a text of more than \(limits.textBytes) bytes") }
    try spend(memory: bytes)
    try spend(reading: bytes)
  }

  /// For a list of so many elements, before it is made.
  ///
  /// - Throws: `.chatTemplateLimit`.
  func spend(elements count: Int) throws(HybridizeError) {
    try spend(steps: count)
    // The steps bound the count, so the product is small.
    try spend(memory: count * MemoryLayout<TemplateValue>.stride)
  }

  private func spend(memory bytes: Int) throws(HybridizeError) {
    guard bytes <= memory else { throw TemplateFault.limit("more than \(limits.memoryBytes) bytes on the way") }
    memory -= bytes
  }
}

/// A text that grows no longer than is allowed.
struct TemplateText {
  private(set) var text = ""
  private let budget: TemplateBudget
  private var count = 0

  init(_ budget: TemplateBudget) { self.budget = budget }

  /// - Throws: `.chatTemplateLimit`.
  mutating func append(_ piece: String) throws(HybridizeError) {
    count += piece.utf8.count
    guard count <= budget.limits.textBytes else {
      throw TemplateFault.limit("a text of more than \(budget.limits.textBytes) bytes")
    }
    try budget.spend(text: piece.utf8.count)
    text += piece
  }
}
