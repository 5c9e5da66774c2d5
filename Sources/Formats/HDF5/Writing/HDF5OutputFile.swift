import CHDF5
import HybridizeCore

/// The structure of a file that is being written: groups, datasets, attributes. The data of datasets that lie in one
/// piece is not its business.
final class HDF5OutputFile {
  /// An open dataset; closed with the file.
  struct Dataset {
    fileprivate let identifier: Int64
  }

  private let library: HDF5Library
  /// What errors call it.
  private let path: String
  private var file: Int64?
  private var groups = Set<UTF8Key>()

  /// Empties the file at `buildPath`.
  ///
  /// - Parameter path: the place that the file is meant for, for errors.
  /// - Throws: `.cannotWrite`.
  init(_ buildPath: String, for path: String, library: HDF5Library) throws(HybridizeError) {
    self.library = library
    self.path = path
    var file: Int64 = -1
    let code = chdf5_create_file(library.handle, buildPath, &file)
    guard code == 0 else { throw Self.failure(path, code, "the file") }
    self.file = file
  }

  deinit { if let file { _ = chdf5_close_file(library.handle, file) } }

  /// - Throws: `.cannotWrite`.
  /// - Precondition: the file has not been closed.
  func close() throws(HybridizeError) {
    let code = chdf5_close_file(library.handle, open)
    file = nil
    try check(code, "the end of the file")
  }

  private var open: Int64 {
    guard let file else { preconditionFailure("the file has been closed") }
    return file
  }

  /// Makes the groups on the way to an object, as far as they are not there.
  ///
  /// - Parameter object: its path, without a slash before it.
  private func makeGroups(above object: String) throws(HybridizeError) {
    var path = ""
    for name in object.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
      path += path.isEmpty ? name : "/" + name
      guard groups.insert(UTF8Key(path)).inserted else { continue }
      try check(chdf5_create_group(library.handle, open, path), path)
    }
  }

  /// Makes a dataset and the groups above it.
  ///
  /// - Parameters:
  ///   - chunk: the shape of its chunks; `nil` for one that lies in one piece.
  ///   - level: of the compression.
  /// - Throws: `.cannotWrite`, `.hdf5NoSuchType`.
  func add(
    _ dataset: HDF5Plan.Dataset, chunk: [Int]?, filters: HDF5FilterPipeline, level: Int
  ) throws(HybridizeError) -> Dataset {
    try makeGroups(above: dataset.path)
    guard let type = Self.type(of: dataset) else {
      throw HybridizeError(
        .hdf5NoSuchType, file: path, tensor: dataset.path, expected: "integers, float16 to float64 or booleans",
        found: dataset.elementType.rawValue, remedy: "convert the tensor to another type, or write safetensors")
    }
    let shape = dataset.shape.dimensions.map { UInt64($0) }
    let places = chunk.map { $0.map { UInt64($0) } }
    let steps = filters.filters.map { Self.step($0, level: level) }
    var identifier: Int64 = -1
    let code = dataset.path.withCString { name in
      shape.withUnsafeBufferPointer { shape in
        steps.withUnsafeBufferPointer { steps in
          func make(_ chunk: UnsafePointer<UInt64>?) -> Int32 {
            var description = chdf5_dataset(
              path: name, type: type, rank: UInt32(shape.count), shape: shape.baseAddress, chunk: chunk,
              filters: steps.baseAddress, filter_count: UInt32(steps.count))
            return chdf5_create_dataset(library.handle, open, &description, &identifier)
          }
          return places.map { $0.withUnsafeBufferPointer { make($0.baseAddress) } } ?? make(nil)
        }
      }
    }
    try check(code, dataset.path)
    if dataset.isOpaqueBFloat16 {
      try check(chdf5_write_text(library.handle, open, dataset.path, "dtype", "bfloat16"), dataset.path)
    }
    return Dataset(identifier: identifier)
  }

  /// Where the bytes of a dataset lie that is in one piece and not empty.
  ///
  /// - Throws: `.cannotWrite`.
  func offset(of dataset: Dataset) throws(HybridizeError) -> Int {
    var offset: UInt64 = 0
    let code = chdf5_data_offset(library.handle, dataset.identifier, &offset)
    guard code == 0, let place = Int(exactly: offset) else { throw Self.failure(path, code, "room for a dataset") }
    return place
  }

  /// - Throws: `.cannotWrite`.
  func close(_ dataset: Dataset) throws(HybridizeError) {
    try check(chdf5_close_dataset(library.handle, dataset.identifier), "a dataset")
  }

  /// Writes a chunk that has gone through the filters.
  ///
  /// - Parameter place: the position of its first element.
  /// - Throws: `.cannotWrite`.
  func writeChunk(_ bytes: [UInt8], at place: [Int], of dataset: Dataset) throws(HybridizeError) {
    let place = place.map { UInt64($0) }
    try check(chdf5_write_chunk(library.handle, dataset.identifier, place, bytes, bytes.count), "a chunk")
  }

  /// Gives a group an attribute; one that is not there is made. A list that does not fit an object's header is split
  /// into `name0`, `name1`, ..., as Keras does it.
  ///
  /// - Parameter group: its path, without a slash before it; empty for the root.
  /// - Throws: `.cannotWrite`, `.hdf5NameTooLong`.
  func write(_ value: HDF5Plan.Value, toGroup group: String, as name: String) throws(HybridizeError) {
    if !group.isEmpty { try makeGroups(above: group + "/") }
    let place = group.isEmpty ? "/" : group
    switch value {
    case .text(let text): try check(chdf5_write_text(library.handle, open, place, name, text), name)
    case .integer(let integer): try check(chdf5_write_integer(library.handle, open, place, name, Int64(integer)), name)
    case .texts(let texts):
      let pieces = try Self.pieces(texts)
      for (number, piece) in pieces.enumerated() {
        try write(piece, to: place, as: pieces.count == 1 ? name : "\(name)\(number)")
      }
    }
  }

  private func write(_ texts: ArraySlice<String>, to place: String, as name: String) throws(HybridizeError) {
    let width = max(1, texts.map(\.utf8.count).max() ?? 0)
    var bytes: [CChar] = []
    for text in texts {
      bytes += text.utf8.map { CChar(bitPattern: $0) }
      bytes += Array(repeating: 0, count: width - text.utf8.count)
    }
    try check(chdf5_write_texts(library.handle, open, place, name, bytes, width, UInt64(texts.count)), name)
  }

  /// Keras' limit: an object's header has room for 64 KiB, and needs some for other things.
  private static let pieceBytes = 64512

  private static func pieces(_ texts: [String]) throws(HybridizeError) -> [ArraySlice<String>] {
    let width = texts.map(\.utf8.count).max() ?? 0
    guard width <= pieceBytes else {
      throw HybridizeError(.hdf5NameTooLong, expected: "at most \(pieceBytes) bytes", found: "\(width) bytes")
    }
    let count = width == 0 ? max(1, texts.count) : pieceBytes / width
    guard texts.count > count else { return [texts[...]] }
    return stride(from: 0, to: texts.count, by: count).map { texts[$0..<min($0 + count, texts.count)] }
  }

  private static func type(of dataset: HDF5Plan.Dataset) -> chdf5_type? {
    switch dataset.elementType {
    case .bool: chdf5_bool
    case .int8: chdf5_int8
    case .int16: chdf5_int16
    case .int32: chdf5_int32
    case .int64: chdf5_int64
    case .uint8: chdf5_uint8
    case .uint16: chdf5_uint16
    case .uint32: chdf5_uint32
    case .uint64: chdf5_uint64
    case .float16: chdf5_float16
    case .bfloat16: dataset.isOpaqueBFloat16 ? chdf5_opaque16 : chdf5_bfloat16
    case .float32: chdf5_float32
    case .float64: chdf5_float64
    default: nil
    }
  }

  private static func step(_ filter: HDF5FilterPipeline.Filter, level: Int) -> chdf5_filter {
    switch filter {
    case .deflate: chdf5_filter(identifier: 1, value_count: 1, value: UInt32(level))
    case .shuffle(let size): chdf5_filter(identifier: 2, value_count: 1, value: UInt32(size))
    case .fletcher32: chdf5_filter(identifier: 3, value_count: 0, value: 0)
    case .zstandard: chdf5_filter(identifier: 32015, value_count: 1, value: UInt32(level))
    case .lzf: preconditionFailure("LZF is read and not written")
    }
  }

  private func check(_ code: Int32, _ what: String) throws(HybridizeError) {
    if code != 0 { throw Self.failure(path, code, what) }
  }

  /// - Parameter what: what could not be written.
  private static func failure(_ path: String, _ code: Int32, _ what: String) -> HybridizeError {
    guard code <= 0 else { return AtomicRename.cannotWrite(path, code) }
    return HybridizeError(.cannotWrite, file: path, found: "libhdf5 failed at \(what)")
  }
}

extension Problem {
  public static let hdf5NoSuchType = Problem(
    "hdf5NoSuchType", .output, "HDF5 has no element type for what the tensor holds")
  public static let hdf5NameTooLong = Problem(
    "hdf5NameTooLong", .output, "a name is longer than an attribute of HDF5 may be")
}
