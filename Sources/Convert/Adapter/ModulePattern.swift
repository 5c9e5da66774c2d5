import HybridizeCore

/// A regular expression of an adapter's patterns, as Python's `re` would match it against the end of a module's name.
///
/// Literals, `.`, classes, groups, alternatives, anchors and repetition; anything else is refused by name. Places that a
/// part can end at are kept as a set, as backtracking may take for ever; steps are counted all the same.
package struct ModulePattern {
  private indirect enum Node {
    case character(@Sendable (UInt8) -> Bool)
    case sequence([Node])
    case alternatives([Node])
    case repeated(Node, least: Int, most: Int?)
    case start
    case end
  }

  private let root: Node
  /// The pattern, if it is made of letters and dots alone, as most are.
  private let literal: [UInt8]?
  private static let longest = 1024

  /// - Throws: `.adapterPattern`.
  package init(_ pattern: String) throws(HybridizeError) {
    var parser = Parser(pattern)
    root = try parser.parse()
    let bytes = Array(pattern.utf8)
    literal = bytes.allSatisfy { Self.isWord($0) || $0 == UInt8(ascii: ".") } ? bytes : nil
  }

  /// Whether the pattern matches all of the name, or all from behind a dot on.
  ///
  /// - Parameter budget: steps that may still be taken, of this match and of others.
  /// - Throws: `.adapterPattern` when it is used up.
  package func matches(_ name: String, _ budget: inout Int) throws(HybridizeError) -> Bool {
    let bytes = Array(name.utf8)
    if let literal {
      budget -= 1 + literal.count / 64
      let start = bytes.count - literal.count
      guard start == 0 || start > 0 && bytes[start - 1] == UInt8(ascii: ".") else { return false }
      return zip(bytes[start...], literal).allSatisfy { $0 == $1 || $1 == UInt8(ascii: ".") }
    }
    guard bytes.count <= 4 * Self.longest else { return false }
    let starts = Set([0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }.map { $0 + 1 })
    return try Self.ends(root, bytes, from: starts, &budget).contains(bytes.count)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }

  /// Where a node can end that begins at one of `starts`.
  private static func ends(
    _ node: Node, _ bytes: [UInt8], from starts: Set<Int>, _ budget: inout Int
  ) throws(HybridizeError) -> Set<Int> {
    budget -= 1 + starts.count
    guard budget >= 0 else { throw HybridizeError(.adapterPattern, found: "patterns that take too many steps") }
    switch node {
    case .start: return starts.intersection([0])
    case .end: return starts.intersection([bytes.count])
    case .character(let isOne): return Set(starts.filter { $0 < bytes.count && isOne(bytes[$0]) }.map { $0 + 1 })
    case .sequence(let nodes):
      var current = starts
      for node in nodes where !current.isEmpty { current = try ends(node, bytes, from: current, &budget) }
      return current
    case .alternatives(let nodes):
      var all: Set<Int> = []
      for node in nodes { all.formUnion(try ends(node, bytes, from: starts, &budget)) }
      return all
    case .repeated(let node, let least, let most):
      var current = starts
      for _ in 0..<least where !current.isEmpty { current = try ends(node, bytes, from: current, &budget) }
      var all = current
      // What is found once leads no further a second time.
      for _ in 0..<(most.map { $0 - least } ?? bytes.count + 1) where !current.isEmpty {
        current = try ends(node, bytes, from: current, &budget).subtracting(all)
        all.formUnion(current)
      }
      return all
    }
  }

  /// Recursive descent; a group within 32 others is refused.
  private struct Parser {
    private let pattern: String
    private let bytes: [UInt8]
    private var place = 0
    private var depth = 0

    init(_ pattern: String) {
      self.pattern = pattern
      bytes = Array(pattern.utf8)
    }

    mutating func parse() throws(HybridizeError) -> Node {
      guard bytes.count <= ModulePattern.longest else { throw refused("at most \(ModulePattern.longest) bytes") }
      let node = try alternatives()
      guard place == bytes.count else { throw refused("balanced parentheses") }
      return node
    }

    private mutating func alternatives() throws(HybridizeError) -> Node {
      var all = [try sequence()]
      while next == UInt8(ascii: "|") {
        place += 1
        all.append(try sequence())
      }
      return all.count == 1 ? all[0] : .alternatives(all)
    }

    private mutating func sequence() throws(HybridizeError) -> Node {
      var nodes: [Node] = []
      while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
        nodes.append(try repetition(of: try atom()))
      }
      return .sequence(nodes)
    }

    private mutating func repetition(of node: Node) throws(HybridizeError) -> Node {
      let bounds: (Int, Int?)
      switch next {
      case UInt8(ascii: "*"): bounds = (0, nil)
      case UInt8(ascii: "+"): bounds = (1, nil)
      case UInt8(ascii: "?"): bounds = (0, 1)
      case UInt8(ascii: "{"): bounds = try braces()
      default: return node
      }
      place += 1
      // Lazy or not, the same names match.
      if next == UInt8(ascii: "?") { place += 1 }
      if let byte = next, "*+{".utf8.contains(byte) { throw refused("one repetition of a part") }
      return .repeated(node, least: bounds.0, most: bounds.1)
    }

    /// `{2}`, `{2,}` or `{2,5}`; leaves the place at the closing brace.
    private mutating func braces() throws(HybridizeError) -> (Int, Int?) {
      guard let end = bytes[place...].firstIndex(of: UInt8(ascii: "}")) else { throw refused("a closing brace") }
      let parts = bytes[place + 1..<end].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      let numbers = parts.map { Int(String(decoding: $0, as: UTF8.self)) }
      place = end
      switch (numbers.count, numbers.first ?? nil, numbers.last ?? nil) {
      case (1, let count?, _) where (0...100).contains(count): return (count, count)
      case (2, let least?, nil) where (0...100).contains(least) && parts[1].isEmpty: return (least, nil)
      case (2, let least?, let most?) where (0...100).contains(least) && (least...100).contains(most):
        return (least, most)
      default: throw refused("a repetition of 0 to 100")
      }
    }

    private mutating func atom() throws(HybridizeError) -> Node {
      guard let byte = next else { throw refused("more") }
      place += 1
      switch byte {
      case UInt8(ascii: "."): return .character { $0 != 0x0A }
      case UInt8(ascii: "^"): return .start
      case UInt8(ascii: "$"): return .end
      case UInt8(ascii: "["): return try characterClass()
      case UInt8(ascii: "\\"): return .character(try escape())
      case UInt8(ascii: "("): return try group()
      case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
        throw refused("something to repeat")
      default: return .character { $0 == byte }
      }
    }

    private mutating func group() throws(HybridizeError) -> Node {
      guard depth < 32 else { throw refused("at most 32 groups within each other") }
      if next == UInt8(ascii: "?") {
        guard bytes[place...].starts(with: "?:".utf8) else { throw refused("groups without conditions") }
        place += 2
      }
      depth += 1
      let node = try alternatives()
      depth -= 1
      guard next == UInt8(ascii: ")") else { throw refused("balanced parentheses") }
      place += 1
      return node
    }

    private mutating func characterClass() throws(HybridizeError) -> Node {
      let isNegated = next == UInt8(ascii: "^")
      if isNegated { place += 1 }
      var tests: [@Sendable (UInt8) -> Bool] = []
      while let byte = next, byte != UInt8(ascii: "]") || tests.isEmpty {
        place += 1
        if byte == UInt8(ascii: "\\") {
          tests.append(try escape())
        } else if next == UInt8(ascii: "-"), place + 1 < bytes.count, bytes[place + 1] != UInt8(ascii: "]") {
          let last = bytes[place + 1]
          guard byte <= last, last != UInt8(ascii: "\\") else { throw refused("a range of characters") }
          tests.append { (byte...last).contains($0) }
          place += 2
        } else {
          tests.append { $0 == byte }
        }
      }
      guard next == UInt8(ascii: "]") else { throw refused("a closing bracket") }
      place += 1
      let all = tests
      return .character { byte in all.contains { $0(byte) } != isNegated }
    }

    private mutating func escape() throws(HybridizeError) -> @Sendable (UInt8) -> Bool {
      guard let byte = next else { throw refused("a character behind \\") }
      place += 1
      switch byte {
      case UInt8(ascii: "d"): return { (0x30...0x39).contains($0) }
      case UInt8(ascii: "D"): return { !(0x30...0x39).contains($0) }
      case UInt8(ascii: "w"): return { ModulePattern.isWord($0) }
      case UInt8(ascii: "W"): return { !ModulePattern.isWord($0) }
      default:
        guard !ModulePattern.isWord(byte) else { throw refused("\\d, \\w or a sign behind \\") }
        return { $0 == byte }
      }
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func refused(_ expected: String) -> HybridizeError {
      HybridizeError(.adapterPattern, expected: expected, found: String(pattern.prefix(200)))
    }
  }
}

extension Problem {
  public static let adapterPattern = Problem(
    "adapterPattern", .inputFile, "a pattern of the adapter's configuration is not read")
}
