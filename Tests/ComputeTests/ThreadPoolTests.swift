import Foundation
import HybridizeCompute
import HybridizeCore
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("thread pool")
struct ThreadPoolTests {
  @Test("every item is done exactly once", arguments: [1, 2, 3, 8])
  func everyItemOnce(_ threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    for count in [0, 1, 2, threads, 7, 1000] {
      for _ in 0..<50 {
        let done = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count)
        defer { done.deallocate() }
        done.update(repeating: 0)
        pool.run(count) { item, _ in done[item] += 1 }
        #expect(done.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test("sleeping workers wake up", arguments: [2, 3])
  func sleepersWake(_ threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    for _ in 0..<3 {
      usleep(5_000)
      let sum = Atomic(0)
      pool.run(100) { item, _ in sum.add(item, ordering: .relaxed) }
      #expect(sum.load(ordering: .relaxed) == 4950)
    }
  }

  @Test("all threads share the work")
  func workIsShared() throws {
    let pool = try ThreadPool(threads: 2)
    // Each item waits for the other: one thread alone would never come back.
    let arrived = Atomic(0)
    pool.run(2) { _, _ in
      arrived.add(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
    }
    #expect(arrived.load(ordering: .relaxed) == 2)
  }

  @Test("scratch memory is a thread's own and grows on demand", arguments: [16, 100_000, 3_000_000])
  func scratchIsPrivate(_ floats: Int) throws {
    let pool = try ThreadPool(threads: 3)
    let mixed = Atomic(0)
    pool.run(64, scratch: floats) { item, scratch in
      scratch[0] = Float(item)
      scratch[floats - 1] = Float(item)
      sched_yield()
      if scratch[0] != Float(item) || scratch[floats - 1] != Float(item) { mixed.add(1, ordering: .relaxed) }
    }
    #expect(mixed.load(ordering: .relaxed) == 0)
  }

  @Test("denormals count as zeros in work and nowhere else", arguments: [1, 2])
  func denormals(_ threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    let tiny = Atomic(Float.leastNormalMagnitude.bitPattern)
    func half() -> Float { Float(bitPattern: tiny.load(ordering: .relaxed)) * 0.5 }
    let nonzero = Atomic(0)
    pool.run(32) { _, _ in if half() != 0 { nonzero.add(1, ordering: .relaxed) } }
    #expect(nonzero.load(ordering: .relaxed) == 0)
    #expect(half() != 0)
  }

  #if os(Linux)
    /// The processors that the calling thread may run on, as the system lists them.
    private static func allowed() -> String {
      let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
      return line.split(separator: "\t").last.map(String.init) ?? ""
    }

    /// The same of the thread of each of two items, which wait for each other, so that both threads have one.
    private static func allowedOfBoth(_ pool: ThreadPool) -> [String] {
      let arrived = Atomic(0)
      return pool.map(2) { _ in
        arrived.add(1, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
        return allowed()
      }
    }

    @Test(
      "pinned threads have a processor each, and what they had before when they are let go",
      .enabled(if: CPUBackend.onlineProcessors >= 2))
    func pinning() throws {
      let before = Self.allowed()
      let pool = try ThreadPool(threads: 2)
      let processors = try #require(pool.pin())
      #expect(Set(processors).count == 2)
      #expect(Self.allowedOfBoth(pool).sorted() == processors.map { "\($0)" }.sorted())
      #expect(Self.allowed() == "\(processors[0])")
      #expect(pool.pin() == nil, "it is pinned already")
      pool.unpin()
      #expect(Self.allowedOfBoth(pool) == [before, before])
      #expect(Self.allowed() == before)
    }

    @Test("a pool that ends while it is pinned lets its caller go", .enabled(if: CPUBackend.onlineProcessors >= 2))
    func endsPinned() throws {
      let before = Self.allowed()
      do {
        let pool = try ThreadPool(threads: 2)
        #expect(pool.pin() != nil)
      }
      #expect(Self.allowed() == before)
    }

    @Test("more threads than processors stay free")
    func tooManyToPin() throws {
      let before = Self.allowed()
      #expect(try ThreadPool(threads: CPUBackend.onlineProcessors + 1).pin() == nil)
      #expect(Self.allowed() == before)
    }
  #endif

  @Test("a number of threads that cannot be had is an error", arguments: [0, -1, 100_000])
  func impossibleThreads(_ threads: Int) {
    #expect { try CPUBackend(threads: threads) } throws: { ($0 as? HybridizeError)?.problem == .badArgument }
  }
}
