/// The one error of this package: what went wrong, where, what was expected, and what to do about it.
///
/// Errors carry data; `ErrorText` alone puts them into words.
public struct HybridizeError: Error, Sendable, Equatable {
  /// Whose fault it is; the command line's exit code follows from it.
  public enum Category: Int32, Sendable {
    /// A check that the user asked for failed.
    case checkFailed = 1
    /// A wrong argument or a wrong combination of arguments.
    case argument = 2
    /// An input file that cannot be read or is not what it should be.
    case inputFile = 3
    /// The output cannot be written.
    case output = 4

    public var exitCode: Int32 { rawValue }
  }

  public var problem: Problem
  public var file: String?
  public var tensor: String?
  /// Byte offset in `file`.
  public var offset: Int?
  public var expected: String?
  public var found: String?
  public var remedy: String?

  public init(
    _ problem: Problem, file: String? = nil, tensor: String? = nil, offset: Int? = nil, expected: String? = nil,
    found: String? = nil, remedy: String? = nil
  ) {
    self.problem = problem
    self.file = file
    self.tensor = tensor
    self.offset = offset
    self.expected = expected
    self.found = found
    self.remedy = remedy
  }

  public var category: Category { problem.category }

  /// The same error with the file named, unless it names one already.
  public func inFile(_ path: String) -> HybridizeError {
    var copy = self
    copy.file = file ?? path
    return copy
  }

  /// The same error with the tensor named, unless it names one already.
  public func inTensor(_ name: String) -> HybridizeError {
    var copy = self
    copy.tensor = tensor ?? name
    return copy
  }
}

/// A kind of failure. Modules add theirs as static members beside the code that throws them.
public struct Problem: Sendable, Hashable {
  /// Stable identifier, for programs and tests.
  public let name: String
  public let category: HybridizeError.Category
  /// What happened, in words, without the particulars.
  public let sentence: String

  public init(_ name: String, _ category: HybridizeError.Category, _ sentence: String) {
    self.name = name
    self.category = category
    self.sentence = sentence
  }
}

extension Problem {
  public static let sizeOverflow = Problem("sizeOverflow", .inputFile, "a size does not fit 64 bits")
  public static let subByteMisaligned = Problem(
    "subByteMisaligned", .inputFile, "a packed type does not fill whole bytes")
  public static let unreadable = Problem("unreadable", .inputFile, "cannot be read")
  public static let missingField = Problem("missingField", .inputFile, "a field is missing")
  public static let unknownField = Problem("unknownField", .inputFile, "a field is not known")
  public static let badArgument = Problem("badArgument", .argument, "wrong argument")
}
