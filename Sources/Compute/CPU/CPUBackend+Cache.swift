import CKernels
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension CPUBackend {
  public func makeCache(heads: Int, capacity: Int, headDimension: Int, type: CacheType) -> CacheTensor {
    CacheTensor(
      storage: .allocate(byteCount: heads * capacity * headDimension * type.elementBytes), heads: heads,
      capacity: capacity, headDimension: headDimension, type: type)
  }

  public func stored(_ tensor: Tensor, name: String) -> StoredTensor { tensor.stored(name: name, as: .float32) }

  public func stored(_ cache: CacheTensor, rows count: Int, name: String) -> StoredTensor {
    cache.stored(rows: count, name: name, as: cache.type == .full ? .float32 : .bfloat16)
  }

  public func restore(_ stored: StoredTensor, to tensor: Tensor) { tensor.restore(stored, as: .float32) }

  public func restore(_ stored: StoredTensor, to cache: CacheTensor) {
    cache.restore(stored, as: cache.type == .full ? .float32 : .bfloat16)
  }

  public func copy(_ source: CacheTensor, rows range: Range<Int>, to target: CacheTensor, at position: Int) {
    source.checkCopy(range, to: target, at: position)
    for head in 0..<source.heads {
      // Regions of one cache may overlap.
      memmove(
        target.address(head: head, row: position), source.address(head: head, row: range.lowerBound),
        range.count * source.rowBytes)
    }
  }
}

extension CacheTensor {
  var kernelType: ck_type { type == .full ? ck_float32 : ck_bfloat16 }
  var rowBytes: Int { headDimension * type.elementBytes }

  /// - Precondition: made by the CPU backend.
  func address(head: Int, row: Int) -> UnsafeMutableRawPointer {
    storage.address + (head * capacity + row) * rowBytes
  }

  /// Stores the heads of one token, rounded to nearest even where the type is narrower.
  func store(_ values: UnsafePointer<Float>, row: Int, _ kernels: ck_kernels) {
    for head in 0..<heads {
      let (source, target) = (values + head * headDimension, address(head: head, row: row))
      switch type {
      case .full: target.copyMemory(from: source, byteCount: rowBytes)
      case .bfloat16:
        var lost = ck_narrowing()
        kernels.narrow(ck_bfloat16, source, headDimension, target.assumingMemoryBound(to: UInt16.self), &lost)
      }
    }
  }
}
