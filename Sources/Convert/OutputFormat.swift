import HybridizeCore
import HybridizeFormats

/// What a converted checkpoint's weights are written as.
public enum OutputFormat: Sendable, Equatable {
  /// One file or shards; the only format whose writing goes on after an interruption.
  case safetensors
  /// One compressed file.
  case zstd(ZstdOptions)
  /// One file, and for a KerasHub preset its configuration.
  case hdf5(HDF5Options)

  /// As `--format` and the manifest name it.
  public var name: String {
    switch self {
    case .safetensors: SafetensorsFormat.name
    case .zstd: ZstdSafetensorsFormat.name
    case .hdf5: HDF5Format.name
    }
  }

  /// What decides the bytes, for the manifest.
  var json: JSONObject {
    switch self {
    case .safetensors: ["name": .string(name)]
    case .zstd(let options):
      ["name": .string(name), "level": .integer(options.level), "shuffle": .bool(options.isShuffled)]
    case .hdf5(let options):
      [
        "name": .string(name), "layout": .string(options.layout.rawValue),
        "compression": .string(options.compressionName),
      ]
    }
  }

  /// A writer of tensors in order; `nil` for the format that is written in any order.
  ///
  /// - Parameter configuration: config.json of the result.
  /// - Throws: what the writer throws.
  func writer(
    in directory: String, _ tensors: [TensorDescriptor], metadata: [(key: String, value: String)],
    configuration: JSONObject
  ) throws(HybridizeError) -> (any TensorWriter)? {
    switch self {
    case .safetensors: nil
    case .zstd(let options):
      try ZstdSafetensorsWriter(
        FileSystem.join(directory, "model.safetensors.zst"), tensors: tensors, metadata: metadata, options: options)
    case .hdf5(let options):
      try HDF5Output.writer(
        directory, tensors: tensors, metadata: metadata, options: options, configuration: configuration)
    }
  }
}

extension HDF5Options {
  /// For instance `zstd-1`.
  fileprivate var compressionName: String {
    switch compression {
    case .none: "none"
    case .deflate(let level): "deflate-\(level)"
    case .zstandard(let level): "zstd-\(level)"
    }
  }
}
