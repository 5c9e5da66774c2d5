import HybridizeCore

/// Writes one HDF5 file. libhdf5 makes its structure at once; what then comes is put into its place without it, or
/// packed here and given to it in chunks. The file appears when it is complete.
///
/// Memory holds at most 64 MiB, and where a tensor is both turned round and packed that one tensor.
final class HDF5Writer: TensorWriter {
  let tensors: [TensorDescriptor]
  /// Where the file is built; it is read there when it is to become a part of something else.
  var buildPath: String { sibling.buildPath }
  private let sibling: AtomicSibling
  private let placements: [HDF5Plan.Placement]
  private let options: HDF5Options
  private let data = HDF5DataFile()
  private var order: WritingOrder
  /// Open while there are chunks to be written.
  private var structure: HDF5OutputFile?
  /// Of each placement, its datasets with where they lie.
  private var places: [[Place]] = []
  /// The tensor that is being written, and its bytes that have not come.
  private var current: (sink: any HDF5DataSink, missing: Int)?

  /// Where the data of a dataset goes.
  private enum Place {
    case nowhere
    case plain(offset: Int)
    case chunks(HDF5OutputFile.Dataset, HDF5ChunkShape)
  }

  /// - Parameters:
  ///   - path: where the file will be.
  ///   - replacing: replace a file that is there.
  /// - Throws: `.outputExists`, `.cannotWrite`, `.hdf5NoSuchType`, `.hdf5NameTooLong`.
  init(
    _ path: String, plan: HDF5Plan, options: HDF5Options, library: HDF5Library, replacing: Bool = false
  ) throws(HybridizeError) {
    tensors = plan.placements.map(\.tensor)
    placements = plan.placements
    self.options = options
    order = WritingOrder(tensors)
    sibling = try AtomicSibling(of: path, replacing: replacing)
    let structure = try HDF5OutputFile(sibling.buildPath, for: path, library: library)
    var hasChunks = false
    for placement in placements {
      var made: [Place] = []
      for part in placement.parts {
        do {
          made.append(try Self.make(part, in: structure, options))
        } catch {
          throw error.inTensor(placement.tensor.name)
        }
        if case .chunks = made[made.count - 1] { hasChunks = true }
      }
      places.append(made)
    }
    for attribute in plan.attributes {
      try structure.write(attribute.value, toGroup: attribute.group, as: attribute.name)
    }
    if hasChunks {
      self.structure = structure
    } else {
      try structure.close()
      try data.open(sibling.buildPath)
    }
  }

  private static func make(
    _ part: HDF5Plan.Dataset, in structure: HDF5OutputFile, _ options: HDF5Options
  ) throws(HybridizeError) -> Place {
    let elementSize = part.elementType.bitsPerElement / 8
    let filters = options.pipeline(elementSize: elementSize)
    let isEmpty = try part.shape.elementCount() == 0
    if !filters.filters.isEmpty, !isEmpty, part.shape.rank > 0 {
      let chunks = HDF5ChunkShape(part.shape.dimensions, elementSize: elementSize)
      let dataset = try structure.add(part, chunk: chunks.dimensions, filters: filters, level: options.level)
      return .chunks(dataset, chunks)
    }
    let dataset = try structure.add(part, chunk: nil, filters: HDF5FilterPipeline(), level: 0)
    let place: Place = isEmpty ? .nowhere : .plain(offset: try structure.offset(of: dataset))
    try structure.close(dataset)
    return place
  }

  /// - Precondition: no write has failed: the file is given up then.
  func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    precondition(sibling.isOpen, "write to a file that is complete or given up")
    let position = order.position
    try order.take(bytes.count, of: name, file: sibling.path)
    guard !bytes.isEmpty else { return }
    var (sink, missing) = current ?? (sink(position), tensors[position].byteCount)
    missing -= bytes.count
    current = (sink, missing)
    do {
      try sink.append(bytes)
      if missing == 0 {
        try sink.finish()
        current = nil
      }
    } catch {
      sibling.giveUp()
      throw error.inFile(sibling.path).inTensor(name)
    }
  }

  func finish() throws(HybridizeError) -> [WrittenFile] {
    try complete()
    let byteCount = try FileSystem.size(buildPath)
    let digest = try SHA256.hash(file: buildPath)
    try sibling.commit()
    return [WrittenFile(path: sibling.path, byteCount: byteCount, sha256: digest)]
  }

  /// Completes the file at `buildPath`, without putting it into its place.
  ///
  /// - Throws: as `finish`.
  func complete() throws(HybridizeError) {
    precondition(sibling.isOpen, "the file is complete or given up")
    try order.checkComplete(file: sibling.path)
    if let structure {
      try structure.close()
      self.structure = nil
      try data.open(buildPath)
    }
  }

  /// What takes the bytes of a tensor.
  private func sink(_ position: Int) -> any HDF5DataSink {
    let placement = placements[position]
    let size = placement.tensor.elementType.bitsPerElement / 8
    let places = places[position]
    switch placement.form {
    case .same: return sink(places[0], size)
    case .joined:
      let dimensions = placement.tensor.shape.dimensions
      let width = dimensions[dimensions.count - 1] / places.count * size
      return HDF5SplittingSink(places.map { sink($0, size) }, widths: places.map { _ in width })
    case .transposed:
      let dimensions = placement.tensor.shape.dimensions
      let target: HDF5TransposingSink.Target
      if case .plain(let offset) = places[0] {
        target = .plain(data, offset: offset)
      } else {
        target = .inOrder(sink(places[0], size))
      }
      return HDF5TransposingSink(
        target, rows: dimensions[0], columns: dimensions[1], elementSize: size, blockBytes: options.blockBytes)
    }
  }

  private func sink(_ place: Place, _ elementSize: Int) -> any HDF5DataSink {
    switch place {
    case .plain(let offset): return HDF5PlainSink(data, offset: offset)
    case .chunks(let dataset, let chunks):
      guard let structure else { preconditionFailure("the file has been closed") }
      return HDF5ChunkSink(
        structure, dataset, chunks, filters: options.pipeline(elementSize: elementSize), level: options.level)
    case .nowhere: preconditionFailure("bytes for an empty dataset")
    }
  }
}
