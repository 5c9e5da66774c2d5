import CKernels
import HybridizeCore

/// Persistent threads that share out numbered items of work, and a stretch of scratch memory for each.
///
/// The only place of this module that vouches for thread safety by hand: kernels work on plain pointers, and
/// callers see to it that no two items write to the same memory. Used by one thread at a time.
package final class ThreadPool: @unchecked Sendable {
  /// Does one item with the scratch memory of the thread that does it.
  package typealias Work = (_ item: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void

  package let threads: Int
  private let pool: OpaquePointer
  private var scratch: Storage
  private var scratchFloats: Int
  private var common: Storage

  /// - Throws: `.badArgument` for less than one thread or more than the system gives.
  package init(threads: Int) throws(HybridizeError) {
    guard (1...Self.mostThreads).contains(threads) else {
      throw HybridizeError(.badArgument, expected: "1 to \(Self.mostThreads) threads", found: "\(threads)")
    }
    guard let pool = ck_pool_create(threads) else {
      throw HybridizeError(.badArgument, expected: "as many threads as the system gives", found: "\(threads)")
    }
    self.threads = threads
    self.pool = pool
    scratchFloats = 1 << 14
    common = .allocate(byteCount: 1 << 16)
    scratch = .allocate(byteCount: threads * scratchFloats * MemoryLayout<Float>.stride)
  }

  deinit { ck_pool_destroy(pool) }

  /// Does items `0 ..< count` on all threads and returns when they are done, denormals counting as zeros. Each has
  /// `floats` of uninitialised scratch memory, 64-byte aligned.
  ///
  /// - Precondition: not called from within work.
  package func run(_ count: Int, scratch floats: Int = 0, _ work: Work) {
    if floats > scratchFloats {
      scratchFloats = (floats + 1023) / 1024 * 1024
      scratch = .allocate(byteCount: threads * scratchFloats * MemoryLayout<Float>.stride)
    }
    withoutActuallyEscaping(work) { work in
      var job = Job(
        work: work, scratch: scratch.address.assumingMemoryBound(to: Float.self), scratchFloats: scratchFloats)
      withUnsafeMutablePointer(to: &job) { job in
        ck_pool_run(
          pool, count,
          { context, item, thread in
            let job = context.assumingMemoryBound(to: Job.self).pointee
            job.work(item, job.scratch + thread * job.scratchFloats)
          }, job)
      }
    }
  }

  /// The results of items `0 ..< count`, done on all threads in any order.
  ///
  /// - Precondition: as for `run`.
  package func map<Result>(_ count: Int, _ body: (_ item: Int) -> Result) -> [Result] {
    [Result](unsafeUninitializedCapacity: count) { results, initialized in
      run(count) { item, _ in results.initializeElement(at: item, to: body(item)) }
      initialized = count
    }
  }

  /// Uninitialised memory that all items of a region see, 64-byte aligned, valid until the next call.
  func shared(floats: Int) -> UnsafeMutablePointer<Float> {
    let byteCount = floats * MemoryLayout<Float>.stride
    if byteCount > common.byteCount { common = .allocate(byteCount: byteCount * 2) }
    return common.address.assumingMemoryBound(to: Float.self)
  }

  /// Binds every thread, the calling one as the first, to a processor of its own among those that the caller may run
  /// on, one a core first, until `unpin`.
  ///
  /// - Returns: the processors by thread; `nil`, and nothing is changed, where that cannot be had: fewer processors
  ///   than threads, a system without it, a pool that is pinned already.
  package func pin() -> [Int]? {
    var processors = [CInt](repeating: 0, count: threads)
    return ck_pool_pin(pool, &processors) != 0 ? processors.map { Int($0) } : nil
  }

  /// Lets all threads run where the one that pinned them could run before.
  package func unpin() { ck_pool_unpin(pool) }

  private struct Job {
    let work: Work
    let scratch: UnsafeMutablePointer<Float>
    let scratchFloats: Int
  }

  private static let mostThreads = 1024
}
