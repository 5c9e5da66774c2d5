import HybridizeCore

/// The variables of a block: loops, macros and blocks that catch text have their own, conditions do not.
final class TemplateScope {
  var variables: [String: TemplateValue] = [:]
  let parent: TemplateScope?

  init(in parent: TemplateScope?) { self.parent = parent }

  func find(_ name: String) -> TemplateValue? {
    var scope: TemplateScope? = self
    while let current = scope {
      if let value = current.variables[name] { return value }
      scope = current.parent
    }
    return nil
  }
}

/// The variable `loop`: where a loop is. It looks ahead no further than it is asked to, as what comes next may depend on
/// what is done before.
final class TemplateLoop {
  private let items: [TemplateValue]
  /// Whether the length is known without looking at the elements.
  private let isCounted: Bool
  private let accepts: ((TemplateValue) throws(HybridizeError) -> Bool)?
  private var place = 0
  /// Accepted elements from `aheadStart` on are those that the loop has not come to.
  private var ahead: [TemplateValue] = []
  private var aheadStart = 0
  private(set) var index0 = -1
  private var current: TemplateValue?
  private var previous: TemplateValue?
  private var known: Int?
  private var lastChanged: [TemplateValue]?
  let depth: Int

  /// - Parameter accepts: whether an element takes part.
  /// - Throws: `.chatTemplateLimit`.
  init(
    _ items: [TemplateValue], accepts: ((TemplateValue) throws(HybridizeError) -> Bool)?
  ) throws(HybridizeError) {
    self.items = items
    self.accepts = accepts
    isCounted = accepts == nil
    depth = try TemplateElements(items).depth + 1
  }

  private func pull() throws(HybridizeError) -> TemplateValue? {
    while place < items.count {
      let item = items[place]
      place += 1
      if try accepts?(item) ?? true { return item }
    }
    return nil
  }

  private func peek() throws(HybridizeError) -> TemplateValue? {
    if aheadStart < ahead.count { return ahead[aheadStart] }
    guard let next = try pull() else { return nil }
    (ahead, aheadStart) = ([next], 0)
    return next
  }

  /// Moves to the next element.
  func advance() throws(HybridizeError) -> TemplateValue? {
    guard let next = try peek() else { return nil }
    aheadStart += 1
    index0 += 1
    previous = current
    current = next
    return next
  }

  func length() throws(HybridizeError) -> Int {
    if let known { return known }
    if isCounted {
      known = items.count
      return items.count
    }
    while let next = try pull() { ahead.append(next) }
    let length = index0 + 1 + ahead.count - aheadStart
    known = length
    return length
  }

  /// An attribute; `nil` if `loop` has none of the name.
  func attribute(_ name: String, of value: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    switch name {
    case "index0": .integer(index0)
    case "index": .integer(index0 + 1)
    case "length": .integer(try length())
    case "revindex0": .integer(try length() - index0 - 1)
    case "revindex": .integer(try length() - index0)
    case "first": .boolean(index0 == 0)
    case "last": .boolean(try peek() == nil)
    case "previtem": index0 == 0 ? .undefined("there is no previous item") : previous
    case "nextitem": try peek() ?? .undefined("there is no next item")
    // Only loops that call themselves are deeper.
    case "depth0": .integer(0)
    case "depth": .integer(1)
    case "cycle", "changed": .method(value, name)
    default: nil
    }
  }

  /// Whether these values differ from those of the last time.
  func changed(_ values: [TemplateValue], _ budget: TemplateBudget) throws(HybridizeError) -> Bool {
    if let last = lastChanged, last.count == values.count {
      var isSame = true
      for (a, b) in zip(last, values) where try !a.equals(b, budget) { isSame = false }
      if isSame { return false }
    }
    lastChanged = values
    return true
  }

  /// Lets go of what may hold the loop itself.
  func forget() { lastChanged = nil }
}
