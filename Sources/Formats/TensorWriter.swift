import HybridizeCore

/// Writes tensors that were announced before, one after the other and each in pieces, so that memory holds a piece
/// and never a file.
public protocol TensorWriter: AnyObject {
  /// In the order in which they must be written.
  var tensors: [TensorDescriptor] { get }

  /// Appends a piece of the tensor `name`. The next tensor is due when this one has all its bytes; empty tensors
  /// need no call.
  ///
  /// - Throws: `.tensorOutOfOrder` if another tensor is due, `.tensorSizeWrong` for more bytes than it was announced
  ///   with, `.cannotWrite`.
  func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError)

  /// Completes the output.
  ///
  /// - Returns: the files, in the order of writing.
  /// - Throws: `.tensorSizeWrong` if a tensor has not got all its bytes; `.cannotWrite`, `.outputExists`.
  func finish() throws(HybridizeError) -> [WrittenFile]
}

extension TensorWriter {
  /// Writes a whole tensor, under its own name or another one.
  ///
  /// - Throws: as `append`.
  public func write(_ tensor: StoredTensor, as name: String? = nil) throws(HybridizeError) {
    try append(tensor.bytes, to: name ?? tensor.name)
  }

  /// Copies a tensor from a file in pieces of at most `pieceSize` bytes.
  ///
  /// - Throws: as `append` and as `TensorReader.read`; `.tensorSizeWrong` if the two sizes differ.
  public func copy(
    _ name: String, from reader: any TensorReader, as newName: String? = nil, pieceSize: Int = 8 << 20
  ) throws(HybridizeError) {
    guard let source = reader.descriptor(named: name) else { throw reader.missing(name) }
    let piece = OwnedBytes(count: min(source.byteCount, pieceSize))
    var offset = 0
    while offset < source.byteCount {
      let range = offset..<min(offset + pieceSize, source.byteCount)
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(range.count))
      try reader.read(name, range: range, into: part)
      try append(UnsafeRawBufferPointer(part), to: newName ?? name)
      offset = range.upperBound
    }
  }
}

/// Which tensor is due, and how much of it has come.
struct WritingOrder {
  let tensors: [TensorDescriptor]
  private(set) var position = 0
  private var written = 0

  init(_ tensors: [TensorDescriptor]) {
    self.tensors = tensors
    skipComplete()
  }

  /// The tensor that is due; `nil` when all are complete.
  var due: TensorDescriptor? { position < tensors.count ? tensors[position] : nil }

  /// - Throws: `.tensorOutOfOrder`, `.tensorSizeWrong`; nothing has changed then.
  mutating func take(_ count: Int, of name: String, file: String) throws(HybridizeError) {
    guard count > 0 else { return }
    guard let due, UTF8Key(due.name) == UTF8Key(name) else {
      throw HybridizeError(.tensorOutOfOrder, file: file, tensor: name, expected: due?.name ?? "no more tensors")
    }
    guard count <= due.byteCount - written else {
      throw HybridizeError(
        .tensorSizeWrong, file: file, tensor: name, expected: "\(due.byteCount) bytes",
        found: "\(written + count) bytes or more")
    }
    written += count
    skipComplete()
  }

  /// - Throws: `.tensorSizeWrong` unless every tensor is complete.
  func checkComplete(file: String) throws(HybridizeError) {
    guard let due else { return }
    throw HybridizeError(
      .tensorSizeWrong, file: file, tensor: due.name, expected: "\(due.byteCount) bytes", found: "\(written) bytes")
  }

  private mutating func skipComplete() {
    while let due, written == due.byteCount {
      position += 1
      written = 0
    }
  }
}

extension Problem {
  public static let tensorOutOfOrder = Problem("tensorOutOfOrder", .output, "another tensor is to be written first")
  public static let tensorSizeWrong = Problem(
    "tensorSizeWrong", .output, "a tensor is written with another size than announced")
}
