/// How far a long piece of work has come. The work calls, whoever shows it decides how.
public struct Progress: Sendable {
  public struct Update: Sendable, Equatable {
    /// What is being done, as a person reads it.
    public let task: String
    public let done: Int
    public let total: Int
    /// What else is worth knowing by now: a loss, a speed.
    public let detail: String?
    /// Nothing follows: the work is done, or ends before all is.
    public let isLast: Bool

    public init(task: String, done: Int, total: Int, detail: String? = nil, isLast: Bool? = nil) {
      self.task = task
      self.done = done
      self.total = total
      self.detail = detail
      self.isLast = isLast ?? (done == total)
    }
  }

  private let show: @Sendable (Update) -> Void
  private let tell: @Sendable (String) -> Void

  /// - Parameter tell: gets what a person should know about the work's inputs, a line each.
  public init(
    _ show: @escaping @Sendable (Update) -> Void, tell: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.show = show
    self.tell = tell
  }

  /// Says something that is worth knowing and stops nothing.
  public func note(_ line: String) { tell(line) }

  /// Shows nothing.
  public static let silent = Progress { _ in }

  /// - Parameter isLast: for work that ends before all is done.
  public func report(_ task: String, done: Int, of total: Int, detail: String? = nil, isLast: Bool? = nil) {
    show(Update(task: task, done: done, total: total, detail: detail, isLast: isLast))
  }
}
