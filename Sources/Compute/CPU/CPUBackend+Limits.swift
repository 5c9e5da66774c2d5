import CKernels

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension CPUBackend {
  public func pinThreads() -> [Int]? { pool.pin() }
  public func unpinThreads() { pool.unpin() }

  public func measureLimits() -> MachineLimits? {
    MachineLimits(memoryBandwidth: memoryBandwidth(), matrixProduct: matrixProductRate())
  }

  public func readBandwidth(of weights: [Weight]) -> Double? {
    let stretches = weights.flatMap { Stretch.cut($0.storage) }
    return stretches.isEmpty ? nil : withExtendedLifetime(weights) { bandwidth(stretches) }
  }

  /// Of a buffer that no cache holds.
  private func memoryBandwidth() -> Double {
    let buffer = Storage.allocate(byteCount: max(256 << 20, 4 * Self.largestCache))
    let stretches = Stretch.cut(buffer)
    // Memory that was never written to is one page of zeros.
    pool.run(stretches.count) { item, _ in stretches[item].start.update(repeating: 1, count: stretches[item].count) }
    return withExtendedLifetime(buffer) { bandwidth(stretches) }
  }

  /// What a thread reads before it looks for more.
  private struct Stretch {
    let start: UnsafeMutablePointer<Float>
    let count: Int

    /// All of it but bytes at the ends that make no whole float: a tensor of two-byte values may begin between two.
    static func cut(_ storage: Storage) -> [Stretch] {
      let size = 1 << 18
      let width = MemoryLayout<Float>.stride
      let shift = (width - Int(bitPattern: storage.address) % width) % width
      let count = max(0, storage.byteCount - shift) / width
      let floats = (storage.address + shift).assumingMemoryBound(to: Float.self)
      return stride(from: 0, to: count, by: size).map { Stretch(start: floats + $0, count: min(size, count - $0)) }
    }
  }

  private func bandwidth(_ stretches: [Stretch]) -> Double {
    let sums = pool.shared(floats: stretches.count)
    let seconds = fastest {
      pool.run(stretches.count) { item, _ in sums[item] = kernels.read(stretches[item].start, stretches[item].count) }
    }
    return Double(stretches.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.stride) / seconds
  }

  /// A product of square matrices as the linear layers compute it, a panel of outputs for each thread.
  private func matrixProductRate() -> Double {
    let size = 2048
    let memory = (0..<3).map { _ in Storage.allocate(byteCount: size * size * MemoryLayout<Float>.stride) }
    let matrices = memory.map { $0.address.assumingMemoryBound(to: Float.self) }
    for matrix in matrices { matrix.update(repeating: 0.5, count: size * size) }
    let width = (size + threads - 1) / threads
    let seconds = fastest {
      pool.run(threads) { item, _ in
        let first = min(size, item * width)
        let columns = min(size, first + width) - first
        guard columns > 0 else { return }
        product.transposed(
          rows: size, columns: columns, depth: size, matrices[0], stride: size, matrices[1] + first * size,
          stride: size, into: matrices[2] + first, stride: size)
      }
    }
    return withExtendedLifetime(memory) { 2 * Double(size * size * size) / seconds }
  }

  /// Seconds of the fastest of some runs, after one that is not counted: a limit is what the machine can do undisturbed.
  private func fastest(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    body()
    var best = Double.infinity
    var runs = 0
    while runs < 3 || runs < 20 && clock.now - start < .milliseconds(400) {
      best = min(best, clock.measure(body) / .seconds(1))
      runs += 1
    }
    // A clock that did not move would make the rate infinite.
    return max(best, 1e-9)
  }

  /// Bytes of the last-level cache; 0 where the system does not say.
  private static var largestCache: Int {
    #if os(Linux)
      return max(0, Int(sysconf(Int32(_SC_LEVEL3_CACHE_SIZE))))
    #else
      return 0
    #endif
  }
}
