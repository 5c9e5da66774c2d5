import HybridizeCore

/// Reads the bytes of one tensor, whatever has to be done to them.
struct HDF5TensorData {
  private let file: HDF5File
  private let tensor: HDF5Tensor
  private let elementSize: Int

  /// Bytes that are read at once where numbers are put in another order.
  private static let blockBytes = 4 << 20

  init(_ tensor: HDF5Tensor, in file: HDF5File) {
    self.file = file
    self.tensor = tensor
    elementSize = tensor.parts[0].elementSize
  }

  /// The bytes in place, where they are so.
  func view() throws(HybridizeError) -> (bytes: UnsafeRawBufferPointer, owner: AnyObject)? {
    tensor.form == .same ? try file.view(tensor.parts[0]) : nil
  }

  /// - Throws: as `HDF5File.read`.
  /// - Precondition: `range` is within the tensor, and `buffer` has as many bytes.
  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError) {
    switch tensor.form {
    case .same: try file.read(tensor.parts[0], range: range, into: buffer)
    case .transposed(let inputs):
      let matrix = try HDF5Tensor.matrix(tensor.parts[0], inputs: inputs, tensor.descriptor.name)
      try WholeElements.read(range, elementSize: elementSize, into: buffer) { (first, part) throws(HybridizeError) in
        try readTransposed(from: first, rows: matrix.rows, columns: matrix.columns, into: part)
      }
    case .joined(let inputs):
      var widths: [Int] = []
      for part in tensor.parts {
        widths.append(try HDF5Tensor.matrix(part, inputs: inputs, tensor.descriptor.name).columns)
      }
      try readJoined(range, widths: widths.map { $0 * elementSize }, into: buffer)
    }
  }

  /// Row `j` of the result is column `j` of the `rows` x `columns` matrix that is stored.
  ///
  /// - Parameter first: the first element of the result that is asked for.
  private func readTransposed(
    from first: Int, rows: Int, columns: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let size = elementSize
    let wanted = first..<first + buffer.count / size
    guard !wanted.isEmpty else { return }
    var strip = wanted.lowerBound / rows..<(wanted.upperBound - 1) / rows + 1
    let stored = tensor.parts[0]
    let isContiguous = if case .contiguous = stored.storage { true } else { false }
    // Of contiguous data only the columns that are asked for are read. Chunks are decoded whole anyway.
    if !isContiguous { strip = 0..<columns }
    let rowBytes = strip.count * size
    let blockRows = max(1, min(rows, Self.blockBytes / rowBytes))
    let block = OwnedBytes(count: blockRows * rowBytes)
    defer { withExtendedLifetime(block) {} }
    for start in stride(from: 0, to: rows, by: blockRows) {
      let count = min(blockRows, rows - start)
      if strip.count == columns {
        let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<(count * rowBytes)])
        try file.read(stored, range: start * rowBytes..<(start + count) * rowBytes, into: part)
      } else {
        for row in 0..<count {
          let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[row * rowBytes..<(row + 1) * rowBytes])
          let begin = ((start + row) * columns + strip.lowerBound) * size
          try file.read(stored, range: begin..<begin + rowBytes, into: part)
        }
      }
      for column in strip {
        let line = (column * rows + start..<column * rows + start + count).clamped(to: wanted)
        guard !line.isEmpty else { continue }
        let source = ((line.lowerBound - column * rows - start) * strip.count + column - strip.lowerBound) * size
        Self.gather(
          UnsafeRawBufferPointer(rebasing: block.bytes[source...]), stride: rowBytes, count: line.count, size: size,
          into: UnsafeMutableRawBufferPointer(
            rebasing: buffer[
              (line.lowerBound - wanted.lowerBound) * size..<(line.upperBound - wanted.lowerBound) * size]))
      }
    }
  }

  /// Copies elements that lie `stride` bytes apart next to each other.
  private static func gather(
    _ source: UnsafeRawBufferPointer, stride: Int, count: Int, size: Int, into target: UnsafeMutableRawBufferPointer
  ) {
    func copy<Element: BitwiseCopyable>(as type: Element.Type) {
      for index in 0..<count {
        target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: index * stride, as: type), toByteOffset: index * size, as: type)
      }
    }
    switch size {
    case 1: copy(as: UInt8.self)
    case 2: copy(as: UInt16.self)
    case 4: copy(as: UInt32.self)
    default: copy(as: UInt64.self)
    }
  }

  /// Every row of the result is a row of each part, `widths` bytes of it.
  private func readJoined(
    _ range: Range<Int>, widths: [Int], into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let rowBytes = widths.reduce(0, +)
    var done = 0
    while done < range.count {
      var (row, within) = (range.lowerBound + done).quotientAndRemainder(dividingBy: rowBytes)
      var part = 0
      while within >= widths[part] {
        within -= widths[part]
        part += 1
      }
      let count = min(widths[part] - within, range.count - done)
      row *= widths[part]
      try file.read(
        tensor.parts[part], range: row + within..<row + within + count,
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
      done += count
    }
  }
}
