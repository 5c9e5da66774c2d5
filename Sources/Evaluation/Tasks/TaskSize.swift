import HybridizeCore

/// A size that prompts of a task have: how many keys, how many tokens, how deep.
public struct TaskSize: Sendable, Equatable {
  public let name: String
  /// What it says, as a person reads it.
  public let meaning: String
  /// Prompts are made for each of these unless others are asked for.
  public let defaults: [Double]
  public let range: ClosedRange<Double>
  public let isWhole: Bool

  /// Things that are counted.
  public static func count(
    _ name: String, _ meaning: String, _ defaults: [Int], in range: ClosedRange<Int>
  ) -> TaskSize {
    TaskSize(
      name: name, meaning: meaning, defaults: defaults.map { Double($0) },
      range: Double(range.lowerBound)...Double(range.upperBound), isWhole: true)
  }

  /// A share of something, from 0 to 1.
  public static func share(_ name: String, _ meaning: String, _ defaults: [Double]) -> TaskSize {
    TaskSize(name: name, meaning: meaning, defaults: defaults, range: 0...1, isWhole: false)
  }

  /// Numbers in the text of a command line: `512,1024`.
  ///
  /// - Throws: `.badArgument` for one that this size cannot have.
  func parse(_ text: String, of task: String) throws(HybridizeError) -> [Double] {
    var numbers: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = isWhole ? Int(part).map({ Double($0) }) : Double(part), range.contains(number) else {
        throw HybridizeError(
          .badArgument, expected: "\(task).\(name): \(isWhole ? "whole numbers" : "numbers") \(rangeText)", found: text)
      }
      numbers.append(number)
    }
    return numbers
  }

  /// `8,16,32`
  public var defaultText: String { defaults.map(Self.text).joined(separator: ",") }

  private var rangeText: String { "from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))" }

  /// `512`, `0.5`.
  static func text(_ number: Double) -> String { NumberText.withoutEmptyDecimals(number.description) }
}

/// The sizes of one task, by name.
public struct TaskSizes: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let number: Double
  }

  /// In the order in which the task names them.
  public let entries: [Entry]

  /// A count.
  ///
  /// - Precondition: there is one of this name.
  public subscript(name: String) -> Int { Int(share(name)) }

  /// A number that need not be whole.
  ///
  /// - Precondition: there is one of this name.
  public func share(_ name: String) -> Double {
    guard let entry = entries.first(where: { $0.name == name }) else { preconditionFailure("no size \(name)") }
    return entry.number
  }

  /// `length 512, depth 0.5`
  public var text: String { entries.map { "\($0.name) \(TaskSize.text($0.number))" }.joined(separator: ", ") }

  public var json: JSONObject {
    var object = JSONObject()
    for entry in entries {
      object[entry.name] = entry.number == entry.number.rounded() ? .integer(Int(entry.number)) : .double(entry.number)
    }
    return object
  }

  /// Every combination of the numbers that the sizes shall have, the last size varying fastest.
  static func combinations(_ sizes: [(name: String, numbers: [Double])]) -> [TaskSizes] {
    let lists = sizes.reduce([[Entry]()]) { lists, size in
      lists.flatMap { list in size.numbers.map { list + [Entry(name: size.name, number: $0)] } }
    }
    return lists.map { TaskSizes(entries: $0) }
  }
}
