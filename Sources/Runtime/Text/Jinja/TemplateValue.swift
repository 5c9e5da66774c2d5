import HybridizeCore

/// What an expression gives: Python's values as far as templates meet them.
enum TemplateValue {
  /// What is not there, with the words for whoever needs it to be.
  case undefined(String)
  case none
  case boolean(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  /// Text that has been made safe for HTML: what is added to it is escaped.
  case markup(String)
  case list(TemplateElements)
  case tuple(TemplateElements)
  case dictionary(TemplateDictionary)
  case view(TemplateView)
  case range(TemplateRange)
  case iterator(TemplateIterator)
  case namespace(TemplateNamespace)
  case loop(TemplateLoop)
  case macro(TemplateMacro)
  /// A method with what it belongs to.
  indirect case method(TemplateValue, String)
  case function(String)
  case cycler(TemplateCycler)
  case joiner(TemplateJoiner)

  static func undefined(name: String) -> TemplateValue { .undefined("'\(name)' is undefined") }

  /// Python's name of the type, for messages.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .boolean: "bool"
    case .integer: "int"
    case .float: "float"
    case .string: "str"
    case .markup: "Markup"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .view(let view): view.kind.rawValue
    case .range: "range"
    case .iterator: "generator"
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .macro: "Macro"
    case .method, .function: "function"
    case .cycler: "Cycler"
    case .joiner: "Joiner"
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  var isNone: Bool { if case .none = self { true } else { false } }

  /// The characters of a text of either kind.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// How deep lists lie in one another, so that no walk and no release of them overflows the stack. What is shared and
  /// changes is kept by the interpreter, which lets go of one at a time.
  var depth: Int {
    switch self {
    case .list(let elements), .tuple(let elements): elements.depth
    case .dictionary(let dictionary): dictionary.depth
    case .view(let view): view.dictionary.depth + 1
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.depth
    case .method(let receiver, _): receiver.depth + 1
    case .cycler(let cycler): cycler.items.depth + 1
    case .joiner(let joiner): joiner.separator.depth + 1
    default: 0
    }
  }

  /// - Throws: `.chatTemplateLimit`.
  static func checkDepth(_ depth: Int) throws(HybridizeError) -> Int {
    guard depth <= TemplateLimits.valueDepth else {
      throw TemplateFault.limit("lists more than \(TemplateLimits.valueDepth) deep")
    }
    return depth
  }
}

/// The elements of a list or tuple.
struct TemplateElements {
  let items: [TemplateValue]
  let depth: Int
  /// Names of a tuple's elements, as those of groups have.
  var names: [String] = []

  /// - Throws: `.chatTemplateLimit`.
  init(_ items: [TemplateValue], names: [String] = []) throws(HybridizeError) {
    var deepest = 0
    for item in items { deepest = max(deepest, item.depth) }
    self.items = items
    self.names = names
    depth = try TemplateValue.checkDepth(deepest + 1)
  }
}

/// Keys, values or items of a dictionary.
struct TemplateView {
  enum Kind: String {
    case keys = "dict_keys"
    case values = "dict_values"
    case items = "dict_items"
  }

  let kind: Kind
  let dictionary: TemplateDictionary

  /// - Throws: `.chatTemplateLimit`.
  func items() throws(HybridizeError) -> [TemplateValue] {
    switch kind {
    case .keys: return dictionary.keys
    case .values: return dictionary.values
    case .items:
      var items: [TemplateValue] = []
      for (key, value) in zip(dictionary.keys, dictionary.values) {
        items.append(.tuple(try TemplateElements([key, value])))
      }
      return items
    }
  }
}

/// Python's `range`, which is never written out.
struct TemplateRange: Equatable {
  var start: Int
  var stop: Int
  var step: Int

  /// - Throws: `.chatTemplateLimit`, `.chatTemplateFailed` for a step of 0.
  init(start: Int, stop: Int, step: Int) throws(HybridizeError) {
    guard step != 0 else { throw TemplateFault.failed("range() arg 3 must not be zero") }
    (self.start, self.stop, self.step) = (start, stop, step)
    let (distance, overflow) =
      step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    guard !overflow else { throw TemplateFault.limit("a range of more than \(TemplateLimits.rangeLength)") }
    guard distance <= 0 || (distance - 1) / Int(clamping: step.magnitude) < TemplateLimits.rangeLength else {
      throw TemplateFault.limit("a range of more than \(TemplateLimits.rangeLength)")
    }
  }

  /// The places of a slice, which are as many as what is sliced has elements.
  ///
  /// - Precondition: the step is not 0, and the distance of start and stop fits.
  init(placesFrom start: Int, to stop: Int, by step: Int) { (self.start, self.stop, self.step) = (start, stop, step) }

  var count: Int {
    let distance = step > 0 ? stop - start : start - stop
    return distance <= 0 ? 0 : (distance - 1) / Int(clamping: step.magnitude) + 1
  }

  /// - Precondition: `index` is below `count`.
  subscript(_ index: Int) -> Int { start + index * step }

  var items: [TemplateValue] { (0..<count).map { .integer(self[$0]) } }

  /// The range of what stands at these places.
  ///
  /// - Throws: `.chatTemplateUnsupported` for numbers beyond 64 bits.
  func slice(_ places: TemplateRange) throws(HybridizeError) -> TemplateRange {
    func number(_ place: Int) throws(HybridizeError) -> Int {
      let (distance, overflow) = place.multipliedReportingOverflow(by: step)
      let (number, isTooLarge) = start.addingReportingOverflow(distance)
      guard !overflow, !isTooLarge else { throw TemplateFault.unsupported("an integer of more than 64 bits") }
      return number
    }
    let (product, overflow) = step.multipliedReportingOverflow(by: places.step)
    guard !overflow else { throw TemplateFault.unsupported("an integer of more than 64 bits") }
    return try TemplateRange(start: try number(places.start), stop: try number(places.stop), step: product)
  }

  /// Whether a number is one of them, without looking at each.
  func contains(_ number: Int) -> Bool {
    let isInside = step > 0 ? number >= start && number < stop : number <= start && number > stop
    // Both lie between the ends, whose distance fits.
    return isInside && (number - start) % step == 0
  }
}

/// What gives elements once, one after the other, as a filter computes them.
final class TemplateIterator {
  let depth: Int
  private var produce: (() throws(HybridizeError) -> TemplateValue?)?

  /// - Parameter source: what the elements are made of.
  /// - Throws: `.chatTemplateLimit`.
  init(
    over source: TemplateValue, _ produce: @escaping () throws(HybridizeError) -> TemplateValue?
  ) throws(HybridizeError) {
    depth = try TemplateValue.checkDepth(source.depth + 1)
    self.produce = produce
  }

  func next() throws(HybridizeError) -> TemplateValue? {
    // It may be asked again while it computes, as an element may be made of the rest.
    guard let produce else { return nil }
    guard let value = try produce() else {
      self.produce = nil
      return nil
    }
    return value
  }
}

/// What a template can assign attributes to.
final class TemplateNamespace {
  var attributes: TemplateDictionary

  init(_ attributes: TemplateDictionary) { self.attributes = attributes }
}

final class TemplateCycler {
  let items: TemplateElements
  var position = 0

  init(_ items: TemplateElements) { self.items = items }
}

final class TemplateJoiner {
  let separator: TemplateValue
  var isUsed = false

  init(_ separator: TemplateValue) { self.separator = separator }
}

/// A macro, or the body of a call block, with the variables around it.
final class TemplateMacro {
  let syntax: TemplateMacroSyntax
  let scope: TemplateScope

  init(_ syntax: TemplateMacroSyntax, _ scope: TemplateScope) {
    self.syntax = syntax
    self.scope = scope
  }
}
