import HybridizeCore
import Synchronization

/// What a piece of work has told of its progress.
final class Updates: Sendable {
  private let updates = Mutex<[Progress.Update]>([])

  var all: [Progress.Update] { updates.withLock { $0 } }

  func add(_ update: Progress.Update) { updates.withLock { $0.append(update) } }
}
