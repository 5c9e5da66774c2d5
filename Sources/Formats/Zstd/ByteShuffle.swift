/// Puts the first bytes of all elements together, then the second ones, and so on, as HDF5's shuffle filter does.
///
/// The high bytes of weights are alike and their low bytes are noise: apart, the former compress and the latter are
/// stored. Bytes that do not fill an element stay at the end.
enum ByteShuffle {
  /// - Precondition: both buffers have the same size; `width` is 1, 2, 4 or 8.
  static func shuffle(_ input: UnsafeRawBufferPointer, width: Int, into output: UnsafeMutableRawBufferPointer) {
    precondition(input.count == output.count)
    switch width {
    case 1: output.copyMemory(from: input)
    case 2: spread(input, as: UInt16.self, into: output)
    case 4: spread(input, as: UInt32.self, into: output)
    case 8: spread(input, as: UInt64.self, into: output)
    default: preconditionFailure("no element has \(width) bytes")
    }
  }

  /// - Precondition: as for `shuffle`.
  static func unshuffle(_ input: UnsafeRawBufferPointer, width: Int, into output: UnsafeMutableRawBufferPointer) {
    precondition(input.count == output.count)
    switch width {
    case 1: output.copyMemory(from: input)
    case 2: gather(input, as: UInt16.self, into: output)
    case 4: gather(input, as: UInt32.self, into: output)
    case 8: gather(input, as: UInt64.self, into: output)
    default: preconditionFailure("no element has \(width) bytes")
    }
  }

  private static func spread<Element: FixedWidthInteger & BitwiseCopyable>(
    _ input: UnsafeRawBufferPointer, as type: Element.Type, into output: UnsafeMutableRawBufferPointer
  ) {
    let width = MemoryLayout<Element>.size
    let count = input.count / width
    guard count > 0, let source = input.baseAddress, let target = output.baseAddress else {
      return output.copyMemory(from: input)
    }
    for plane in 0..<width {
      let bytes = (target + plane * count).assumingMemoryBound(to: UInt8.self)
      for index in 0..<count {
        let element = source.loadUnaligned(fromByteOffset: index &* width, as: Element.self)
        bytes[index] = UInt8(truncatingIfNeeded: element &>> Element(truncatingIfNeeded: 8 &* plane))
      }
    }
    copyRest(input, from: count * width, into: output)
  }

  private static func gather<Element: FixedWidthInteger & BitwiseCopyable>(
    _ input: UnsafeRawBufferPointer, as type: Element.Type, into output: UnsafeMutableRawBufferPointer
  ) {
    let width = MemoryLayout<Element>.size
    let count = input.count / width
    guard count > 0, let source = input.baseAddress, let target = output.baseAddress else {
      return output.copyMemory(from: input)
    }
    let bytes = source.assumingMemoryBound(to: UInt8.self)
    for index in 0..<count {
      var element: Element = 0
      for plane in 0..<width {
        let byte = Element(truncatingIfNeeded: bytes[plane &* count &+ index])
        element |= byte &<< Element(truncatingIfNeeded: 8 &* plane)
      }
      target.storeBytes(of: element, toByteOffset: index &* width, as: Element.self)
    }
    copyRest(input, from: count * width, into: output)
  }

  private static func copyRest(
    _ input: UnsafeRawBufferPointer, from start: Int, into output: UnsafeMutableRawBufferPointer
  ) {
    UnsafeMutableRawBufferPointer(rebasing: output[start...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[start...]))
  }
}
