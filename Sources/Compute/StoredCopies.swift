import HybridizeCore

/// Copies of tensors and caches as stored tensors and back, for backends that keep them in plain memory.
extension Tensor {
  package func stored(name: String, as type: ElementType) -> StoredTensor {
    let width = type.bitsPerElement / 8
    let owner = OwnedBytes(count: elementCount * width)
    owner.bytes.copyMemory(
      from: UnsafeRawBufferPointer(start: storage.address + offset * width, count: owner.bytes.count))
    return StoredTensor(
      name: name, elementType: type, shape: [rows, columns], bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }

  package func restore(_ stored: StoredTensor, as type: ElementType) {
    precondition(stored.elementType == type && stored.shape == [rows, columns], "restore: another tensor's values")
    let width = type.bitsPerElement / 8
    UnsafeMutableRawBufferPointer(start: storage.address + offset * width, count: elementCount * width)
      .copyMemory(from: stored.bytes)
    withExtendedLifetime(stored) {}
  }
}

extension CacheTensor {
  package func stored(rows count: Int, name: String, as type: ElementType) -> StoredTensor {
    precondition(count >= 0 && count <= capacity, "\(count) rows of \(capacity)")
    let rowBytes = headDimension * type.bitsPerElement / 8
    let owner = OwnedBytes(count: heads * count * rowBytes)
    for head in 0..<heads {
      UnsafeMutableRawBufferPointer(rebasing: owner.bytes[head * count * rowBytes..<(head + 1) * count * rowBytes])
        .copyMemory(
          from: UnsafeRawBufferPointer(start: storage.address + head * capacity * rowBytes, count: count * rowBytes))
    }
    return StoredTensor(
      name: name, elementType: type, shape: [heads, count, headDimension],
      bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }

  package func restore(_ stored: StoredTensor, as type: ElementType) {
    let dimensions = stored.shape.dimensions
    precondition(
      stored.elementType == type && dimensions.count == 3 && dimensions[0] == heads && dimensions[1] <= capacity
        && dimensions[2] == headDimension, "restore: another cache's values")
    let rowBytes = headDimension * type.bitsPerElement / 8
    let count = dimensions[1] * rowBytes
    for head in 0..<heads {
      UnsafeMutableRawBufferPointer(start: storage.address + head * capacity * rowBytes, count: count)
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: stored.bytes[head * count..<(head + 1) * count]))
    }
    withExtendedLifetime(stored) {}
  }
}
