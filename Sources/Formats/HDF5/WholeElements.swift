import HybridizeCore

/// Turns a range of bytes into whole elements.
enum WholeElements {
  /// Calls `body` with the number of the first element and room for some: elements at the ends of which only a part is
  /// asked for are read on the side and cut.
  static func read(
    _ range: Range<Int>, elementSize size: Int, into buffer: UnsafeMutableRawBufferPointer,
    _ body: (_ first: Int, _ part: UnsafeMutableRawBufferPointer) throws(HybridizeError) -> Void
  ) throws(HybridizeError) {
    var done = 0
    while done < range.count {
      let (first, within) = (range.lowerBound + done).quotientAndRemainder(dividingBy: size)
      let whole = (range.count - done) / size * size
      if within == 0, whole > 0 {
        try body(first, UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + whole]))
        done += whole
      } else {
        var element = [UInt8](repeating: 0, count: size)
        try element.withUnsafeMutableBufferPointer { (bytes) throws(HybridizeError) in
          try body(first, UnsafeMutableRawBufferPointer(bytes))
        }
        let count = min(size - within, range.count - done)
        for index in 0..<count { buffer[done + index] = element[within + index] }
        done += count
      }
    }
  }
}
