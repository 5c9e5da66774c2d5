import HybridizeCore
import Synchronization

/// What a piece of work has told of its progress.
package final class Updates: Sendable {
  private let updates = Mutex<[Progress.Update]>([])

  package init() {}

  package var all: [Progress.Update] { updates.withLock { $0 } }

  package func add(_ update: Progress.Update) { updates.withLock { $0.append(update) } }
}
