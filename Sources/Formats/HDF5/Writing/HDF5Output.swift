import HybridizeCore

/// Writing of checkpoints in HDF5.
public enum HDF5Output {
  /// Opens an HDF5 checkpoint for writing.
  ///
  /// libhdf5 is opened here, and only here. The same tensors, metadata and options give the same bytes.
  ///
  /// - Parameters:
  ///   - path: where the file will be; or a directory that is there, in which it is then called as is usual for the
  ///     layout. A preset of KerasHub is several files and needs a directory. Each file appears when it is complete;
  ///     for a directory to appear at once, write into an `AtomicDirectory`.
  ///   - tensors: under Hugging Face's names, in the order in which they will be written.
  ///   - metadata: free text about the checkpoint. Only the flat layout has a place for it.
  ///   - configuration: Hugging Face's config.json. The layouts for which `needsConfiguration` holds go by it.
  ///   - replacing: replace a file that is there.
  /// - Returns: a writer; `tensors` are in the given order.
  /// - Throws: `.hdf5LibraryMissing`; `.hdf5NoPlace`, `.hdf5NoSuchType` or `.hdf5WrongShape` for a tensor that the layout
  ///   cannot hold, `.kerasHubNoCounterpart` or `.missingField` for a configuration that KerasHub cannot; and
  ///   `.outputExists`, `.cannotWrite`, `.duplicateName`. Nothing is left behind then.
  public static func writer(
    _ path: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    options: HDF5Options = HDF5Options(), configuration: JSONObject? = nil, replacing: Bool = false
  ) throws(HybridizeError) -> any TensorWriter {
    let library = try HDF5Library()
    return try writer(
      path, tensors: tensors, metadata: metadata, options: options, configuration: configuration,
      replacing: replacing, library: library)
  }

  /// The same with a library that has been opened.
  package static func writer(
    _ path: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    options: HDF5Options = HDF5Options(), configuration: JSONObject? = nil, replacing: Bool = false,
    library: HDF5Library
  ) throws(HybridizeError) -> any TensorWriter {
    let isDirectory = FileSystem.isDirectory(path)
    let file = isDirectory ? FileSystem.join(path, options.layout.fileName) : path
    func weights(_ plan: HDF5Plan) throws(HybridizeError) -> HDF5Writer {
      try HDF5Writer(file, plan: plan, options: options, library: library, replacing: replacing)
    }
    switch options.layout {
    case .flat: return try weights(try FlatLayout.plan(tensors, metadata: metadata))
    case .tensorFlow: return try weights(try NamedWeightsLayout.tensorFlow(tensors))
    case .keras2: return try weights(try NamedWeightsLayout.keras2(tensors))
    case .keras3:
      return try weights(try KerasLayout.plan(tensors, configuration: try required(configuration)))
    case .kerasArchive:
      let configuration = try required(configuration)
      let members = try KerasPresetFiles(tensors, configuration).files
      return KerasArchiveWriter(
        file, weights: try weights(try KerasLayout.plan(tensors, configuration: configuration)), members: members,
        replacing: replacing)
    case .kerasHub:
      guard isDirectory else {
        throw HybridizeError(
          .badArgument, file: path, expected: "a directory that is there, for the files of a preset",
          found: "none")
      }
      let configuration = try required(configuration)
      let files = try KerasPresetFiles(tensors, configuration).files
      return KerasPresetWriter(
        path, weights: try weights(try KerasLayout.plan(tensors, configuration: configuration)), files: files,
        replacing: replacing)
    }
  }

  private static func required(_ configuration: JSONObject?) throws(HybridizeError) -> JSONObject {
    guard let configuration else {
      throw HybridizeError(
        .badArgument, expected: "the model's configuration, by which this layout goes", found: "none")
    }
    return configuration
  }
}

/// The small files of a preset, which an archive has as well.
private struct KerasPresetFiles {
  let files: [(name: String, bytes: [UInt8])]

  /// - Throws: as `KerasHubConfiguration.keras`.
  init(_ tensors: [TensorDescriptor], _ configuration: JSONObject) throws(HybridizeError) {
    let model = try KerasHubConfiguration.keras(configuration, elementType: tensors.first?.elementType ?? .float32)
    var parameters = 0
    for tensor in tensors { parameters = try CheckedMath.add(parameters, try tensor.shape.elementCount()) }
    // The releases whose files these are; without a date, so that the same inputs give the same bytes.
    let metadata: JSONObject = [
      "keras_version": .string("3.15.1"), "keras_hub_version": .string("0.32.0"),
      "parameter_count": .integer(parameters),
    ]
    files = [("config.json", model), ("metadata.json", metadata)].map { name, object in
      (name, Array((JSONWriter.indented(.object(object)) + "\n").utf8))
    }
  }
}

/// A preset of KerasHub: the weights, and beside them what model they are of.
private final class KerasPresetWriter: TensorWriter {
  private let directory: String
  private let weights: HDF5Writer
  private let files: [(name: String, bytes: [UInt8])]
  private let replacing: Bool

  init(_ directory: String, weights: HDF5Writer, files: [(name: String, bytes: [UInt8])], replacing: Bool) {
    self.directory = directory
    self.weights = weights
    self.files = files
    self.replacing = replacing
  }

  var tensors: [TensorDescriptor] { weights.tensors }

  func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    try weights.append(bytes, to: name)
  }

  func finish() throws(HybridizeError) -> [WrittenFile] {
    var written = try weights.finish()
    for (name, bytes) in files {
      let file = try AtomicFile(FileSystem.join(directory, name), replacing: replacing)
      try bytes.withBytes(file.write)
      written.append(try file.commit())
    }
    return written
  }
}
