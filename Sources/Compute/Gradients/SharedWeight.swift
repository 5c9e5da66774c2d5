import HybridizeCore

extension Tensor {
  /// A weight in the memory of this tensor, which lives as long as the weight does.
  package func sharedWeight(as type: ElementType) -> Weight {
    let width = type.bitsPerElement / 8
    let owner = storage
    let shared = Storage(address: owner.address + offset * width, byteCount: elementCount * width) { _ in
      withExtendedLifetime(owner) {}
    }
    return Weight(rows: rows, columns: columns, format: .plain(type), storage: shared)
  }
}
