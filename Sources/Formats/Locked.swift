import Synchronization

/// A value that one thread at a time uses; the others wait.
///
/// `Mutex` alone does not let a value write into a buffer that the caller owns, as readers do.
final class Locked<Value>: @unchecked Sendable {  // `value` is used with the mutex held, and by nobody else
  private let mutex = Mutex(())
  private let value: Value

  init(_ value: sending Value) { self.value = value }

  /// - Parameter body: must not keep the value.
  func withLock<Result, Failure: Error>(_ body: (Value) throws(Failure) -> Result) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    mutex.withLock { _ in
      do throws(Failure) {
        result = .success(try body(value))
      } catch {
        result = .failure(error)
      }
    }
    guard let result else { preconditionFailure("the lock has run its body") }
    return try result.get()
  }
}
