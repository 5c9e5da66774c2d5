import HybridizeCompute
import HybridizeCore
import Testing

@Suite("memory")
struct MemoryTests {
  @Test("tensors are aligned to cache lines", arguments: [1, 1000, 1 << 21])
  func alignment(_ columns: Int) throws {
    let tensor = try CPUBackend(threads: 1).makeTensor(rows: 1, columns: columns)
    #expect(Int(bitPattern: tensor.storage.address) % 64 == 0)
  }

  #if os(Linux)
    @Test("large memory costs nothing before it is written")
    func lazyMemory() throws {
      let backend = try CPUBackend(threads: 1)
      let before = try #require(ProcessMemory.residentBytes)
      // 8 GiB of address space.
      let cache = backend.makeTensor(rows: 1 << 11, columns: 1 << 20)
      backend.fill(cache.rows(1000..<1001), with: 1)
      let grown = try #require(ProcessMemory.residentBytes) - before
      #expect(backend.read(cache.rows(1000..<1001).reshaped(rows: 1 << 10, columns: 1 << 10).rows(7..<8))[0] == 1)
      // Other tests run meanwhile: far below the tensor's size is all that can be said.
      #expect(grown < 1 << 30)
    }
  #endif
}
