import HybridizeCore

/// The backends by name. A new one is its files and a line here.
public enum BackendRegistry {
  /// Makes a backend that uses `threads` threads, as far as it uses any of this machine's.
  public typealias Maker = @Sendable (_ threads: Int) throws(HybridizeError) -> any Backend

  /// In the order in which help texts list them; the first is the default.
  public static let makers: [(name: String, make: Maker)] = [
    ("cpu", { (threads) throws(HybridizeError) in try CPUBackend(threads: threads) }),
    ("reference", { (_) throws(HybridizeError) in ReferenceBackend() }),
  ]

  public static var names: [String] { makers.map(\.name) }

  /// - Throws: `.badArgument` for a name that is not registered, and what the backend itself throws.
  public static func make(_ name: String, threads: Int) throws(HybridizeError) -> any Backend {
    guard let entry = makers.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
      throw HybridizeError(.badArgument, expected: "a backend: " + names.joined(separator: ", "), found: name)
    }
    return try entry.make(threads)
  }
}
