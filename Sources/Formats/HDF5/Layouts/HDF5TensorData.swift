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
    let wanted = first..<first + buffer.count / elementSize
    guard !wanted.isEmpty else { return }
    let needed = wanted.lowerBound / rows..<(wanted.upperBound - 1) / rows + 1
    let most = Self.blockBytes / elementSize
    let isContiguous = if case .contiguous = tensor.parts[0].storage { true } else { false }
    // Chunks are decoded whole, so that whole rows cost no more than a part of them.
    let read = isContiguous || columns > most ? needed : 0..<columns
    let block = OwnedBytes(count: min(most, rows * read.count) * elementSize)
    defer { withExtendedLifetime(block) {} }
    for left in stride(from: read.lowerBound, to: read.upperBound, by: most) {
      let strip = left..<min(left + most, read.upperBound)
      let blockRows = most / strip.count
      for top in stride(from: 0, to: rows, by: blockRows) {
        let band = top..<min(top + blockRows, rows)
        try readBlock(band, strip, columns: columns, into: block.bytes)
        for column in strip {
          let line = (column * rows + band.lowerBound..<column * rows + band.upperBound).clamped(to: wanted)
          guard !line.isEmpty else { continue }
          let source = (line.lowerBound - column * rows - band.lowerBound) * strip.count + column - strip.lowerBound
          let target = (line.lowerBound - wanted.lowerBound) * elementSize
          Self.gather(
            UnsafeRawBufferPointer(rebasing: block.bytes[(source * elementSize)...]),
            stride: strip.count * elementSize, count: line.count, size: elementSize,
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + line.count * elementSize]))
        }
      }
    }
  }

  /// Reads some rows of some columns of the stored matrix, one row after the other.
  private func readBlock(
    _ band: Range<Int>, _ strip: Range<Int>, columns: Int, into block: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let rowBytes = strip.count * elementSize
    // Whole rows lie together.
    let step = strip.count == columns ? band.count : 1
    for row in stride(from: band.lowerBound, to: band.upperBound, by: step) {
      let begin = (row * columns + strip.lowerBound) * elementSize
      let target = (row - band.lowerBound) * rowBytes
      try file.read(
        tensor.parts[0], range: begin..<begin + step * rowBytes,
        into: UnsafeMutableRawBufferPointer(rebasing: block[target..<target + step * rowBytes]))
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
