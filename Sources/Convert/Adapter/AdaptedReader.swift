import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// A checkpoint with the changes of an adapter made as it is read: no tensor is held, but for what is asked for and the
/// adapter's matrices of one module.
///
/// As peft does it (`merge_and_unload`): the product of the matrices and its factor in float32, the sum rounded once to the
/// type of the model's tensor.
final class AdaptedReader: TensorReader {
  private let base: any TensorReader
  private let adapter: LoRAAdapter

  /// Elements that are computed at a time, at least a row.
  private static let blockElements = 1 << 18

  init(_ base: any TensorReader, _ adapter: LoRAAdapter) {
    self.base = base
    self.adapter = adapter
  }

  var path: String { base.path }
  var formatName: String { base.formatName }
  var tensors: [TensorDescriptor] { base.tensors }
  var metadata: [(key: String, value: String)] { base.metadata }
  var files: [String] { base.files }
  var warnings: [String] { base.warnings }

  func descriptor(named name: String) -> TensorDescriptor? { base.descriptor(named: name) }

  func file(of name: String) -> String? { base.file(of: name) }

  func tensor(named name: String) throws(HybridizeError) -> StoredTensor {
    guard adapter.changes[UTF8Key(name)] != nil, let tensor = descriptor(named: name) else {
      return try base.tensor(named: name)
    }
    let memory = try OwnedBytes(claimed: tensor.byteCount)
    try read(name, range: 0..<tensor.byteCount, into: memory.bytes)
    return StoredTensor(
      name: name, elementType: tensor.elementType, shape: tensor.shape, bytes: UnsafeRawBufferPointer(memory.bytes),
      owner: memory)
  }

  func read(
    _ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    guard let change = adapter.changes[UTF8Key(name)], let tensor = descriptor(named: name) else {
      return try base.read(name, range: range, into: buffer)
    }
    precondition(buffer.count == range.count, "the buffer has \(buffer.count) bytes for \(range.count)")
    try tensor.check(range, in: path)
    guard !range.isEmpty else { return }
    let columns = tensor.shape.dimensions.last ?? 1
    let width = tensor.elementType.bitsPerElement / 8
    // Whole rows that hold the bytes; a vector is one.
    let rows = range.lowerBound / (columns * width)..<(range.upperBound - 1) / (columns * width) + 1
    let product = try change.product.map { (product) throws(HybridizeError) in
      try LowRankProduct(product, adapter.reader, columns: columns)
    }
    let step = max(1, Self.blockElements / columns)
    let block = try OwnedBytes(claimed: min(step, rows.count) * columns * width)
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let part = first..<min(first + step, rows.upperBound)
      let bytes = UnsafeMutableRawBufferPointer(rebasing: block.bytes.prefix(part.count * columns * width))
      try merge(change, product, tensor, rows: part, columns, into: bytes)
      let start = part.lowerBound * columns * width
      let wanted = range.clamped(to: start..<start + bytes.count)
      UnsafeMutableRawBufferPointer(
        rebasing: buffer[wanted.lowerBound - range.lowerBound..<wanted.upperBound - range.lowerBound]
      ).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[wanted.lowerBound - start..<wanted.upperBound - start]))
    }
  }

  /// Fills `bytes` with the merged elements of some rows.
  private func merge(
    _ change: LoRAAdapter.Change, _ product: LowRankProduct?, _ tensor: TensorDescriptor, rows: Range<Int>,
    _ columns: Int, into bytes: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    let elements = rows.lowerBound * columns..<rows.upperBound * columns
    var values: [Double]
    if let replacement = change.replacement {
      // The module was a copy of the model's, in its type.
      values = try Self.rounded(Self.values(replacement, elements, adapter.reader), to: tensor.elementType)
    } else {
      values = try Self.values(tensor.name, elements, base)
    }
    product?.add(to: &values, rows: rows)
    if let addition = change.addition {
      let scale = Float(addition.scale)
      for (index, value) in try Self.values(addition.tensor, elements, adapter.reader).enumerated() {
        values[index] += Double(Float(value) * scale)
      }
    }
    try Self.round(values, to: tensor.elementType, into: bytes)
  }

  /// Elements of a tensor as they are; all types that can be added to have values of float64.
  static func values(
    _ name: String, _ elements: Range<Int>, _ reader: any TensorReader
  ) throws(HybridizeError) -> [Double] {
    guard let tensor = reader.descriptor(named: name) else { throw reader.missing(name) }
    let width = tensor.elementType.bitsPerElement / 8
    let stored = try OwnedBytes(claimed: elements.count * width)
    try reader.read(name, range: elements.lowerBound * width..<elements.upperBound * width, into: stored.bytes)
    if tensor.elementType == .float64 {
      return (0..<elements.count).map { stored.bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
    let floats = try OwnedBytes(claimed: elements.count * 4)
    _ = try ElementCast(from: tensor.elementType, to: .float32).run(
      UnsafeRawBufferPointer(stored.bytes), into: floats.bytes)
    return floats.bytes.withMemoryRebound(to: Float.self) { $0.map { Double($0) } }
  }

  private static func round(
    _ values: [Double], to type: ElementType, into bytes: UnsafeMutableRawBufferPointer
  ) throws(HybridizeError) {
    if type == .float64 {
      values.withUnsafeBytes { bytes.copyMemory(from: $0) }
      return
    }
    // The sum of two numbers of float32 is one of float64, or rounds to float32 as if it were.
    let floats = values.map { Float($0) }
    let cast = try ElementCast(from: .float32, to: type)
    floats.withUnsafeBytes { _ = cast.run($0, into: bytes) }
  }

  private static func rounded(_ values: [Double], to type: ElementType) throws(HybridizeError) -> [Double] {
    guard type != .float64 else { return values }
    let cast = (try ElementCast(from: .float32, to: type), try ElementCast(from: type, to: .float32))
    let floats = values.map { Float($0) }
    let narrow = OwnedBytes(count: values.count * type.bitsPerElement / 8)
    let wide = OwnedBytes(count: values.count * 4)
    floats.withUnsafeBytes { _ = cast.0.run($0, into: narrow.bytes) }
    _ = cast.1.run(UnsafeRawBufferPointer(narrow.bytes), into: wide.bytes)
    return wide.bytes.withMemoryRebound(to: Float.self) { $0.map { Double($0) } }
  }
}

/// The product of an adapter's two matrices, row by row of the model's weight.
struct LowRankProduct {
  private let rank: Int
  private let scale: Float
  private let columns: Int
  /// Element (row, k) lies at `row * rowStride + k * rankStride`.
  private let left: [Double]
  private let rowStride: Int
  private let rankStride: Int
  /// `[rank, columns]`.
  private let right: [Double]

  /// - Throws: reading errors.
  init(_ product: LoRAAdapter.Product, _ reader: any TensorReader, columns: Int) throws(HybridizeError) {
    func all(_ name: String) throws(HybridizeError) -> [Double] {
      guard let tensor = reader.descriptor(named: name) else { throw reader.missing(name) }
      // peft computes in float32, which a float64 adapter is rounded to when it is loaded.
      return try AdaptedReader.values(name, 0..<tensor.shape.elementCount(), reader).map { Double(Float($0)) }
    }
    let (first, second) = (try all(product.first), try all(product.second))
    let rank = product.rank
    self.rank = rank
    self.columns = columns
    scale = Float(product.scale)
    if product.isEmbedding {
      let rows = first.count / rank
      (left, rowStride, rankStride) = (first, 1, rows)
      right = (0..<rank * columns).map { second[$0 % columns * rank + $0 / columns] }
    } else {
      (left, rowStride, rankStride) = (second, rank, 1)
      right = first
    }
    precondition(right.count == rank * columns, "\(right.count) elements for \(rank) x \(columns)")
  }

  /// Adds the scaled product's rows to `values`, which has these rows.
  func add(to values: inout [Double], rows: Range<Int>) {
    precondition(values.count == rows.count * columns, "\(values.count) values for \(rows.count) rows of \(columns)")
    var sums = [Double](repeating: 0, count: columns)
    // Without checks of bounds, which are those of the sizes checked above and in `init`, the loops are vectors.
    right.withUnsafeBufferPointer { right in
      sums.withUnsafeMutableBufferPointer { sums in
        values.withUnsafeMutableBufferPointer { values in
          for (index, row) in rows.enumerated() {
            sums.update(repeating: 0)
            for k in 0..<rank {
              let factor = left[row * rowStride + k * rankStride]
              for column in 0..<columns { sums[column] += factor * right[k * columns + column] }
            }
            for column in 0..<columns { values[index * columns + column] += Double(Float(sums[column]) * scale) }
          }
        }
      }
    }
  }
}
