/// How far a long piece of work has come. The work calls, whoever shows it decides how.
public struct Progress: Sendable {
  public struct Update: Sendable, Equatable {
    /// What is being done, as a person reads it.
    public let task: String
    public let done: Int
    public let total: Int

    public init(task: String, done: Int, total: Int) {
      self.task = task
      self.done = done
      self.total = total
    }
  }

  private let show: @Sendable (Update) -> Void

  public init(_ show: @escaping @Sendable (Update) -> Void) { self.show = show }

  /// Shows nothing.
  public static let silent = Progress { _ in }

  public func report(_ task: String, done: Int, of total: Int) {
    show(Update(task: task, done: done, total: total))
  }
}
