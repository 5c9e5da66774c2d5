extension Progress.Update {
  /// `align  312/1000  loss 0.1234  2.1k tokens/s  4:32 left`.
  public var line: String { [task, "\(done)/\(total)", detail].compactMap { $0 }.joined(separator: "  ") }

  /// The line behind a bar, for a terminal of so many columns: a shorter bar where the line needs the room, none where it
  /// would tell nothing, and never more than fits, as what wraps cannot be drawn over.
  public func bar(columns: Int) -> String {
    let width = min(30, columns - 2 - line.count)
    guard width >= 8 else { return String(line.prefix(max(0, columns - 1))) }
    let filled = total == 0 ? width : min(width, max(0, done * width / total))
    return String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled) + " " + line
  }
}

/// Which updates become lines where no bar can be drawn: each tenth of the work, and one a minute of what takes long.
public struct ProgressLog: Sendable {
  private var latest: Double?
  private static let interval = 60.0

  public init() {}

  /// - Parameter seconds: on a clock of the caller's.
  public mutating func line(for update: Progress.Update, at seconds: Double) -> String? {
    let tenth = max(1, update.total / 10)
    let isDue = seconds - (latest ?? seconds) >= Self.interval
    if latest == nil { latest = seconds }
    guard isDue || update.isLast || update.done % tenth == 0 else { return nil }
    latest = seconds
    return update.line
  }
}
