import HybridizeCore
import HybridizeFormats

/// What a converted checkpoint's weights are written as.
public enum OutputFormat: Sendable, Hashable {
  /// One file or shards; the only format whose writing goes on after an interruption.
  case safetensors
  /// One compressed file.
  case zstd(ZstdOptions)

  /// As `--format` and the manifest name it.
  public var name: String {
    switch self {
    case .safetensors: SafetensorsFormat.name
    case .zstd: ZstdSafetensorsFormat.name
    }
  }

  /// What decides the bytes, for the manifest.
  var json: JSONObject {
    switch self {
    case .safetensors: ["name": .string(name)]
    case .zstd(let options):
      ["name": .string(name), "level": .integer(options.level), "shuffle": .bool(options.isShuffled)]
    }
  }

  /// A writer of tensors in order; `nil` for the format that is written in any order.
  ///
  /// - Throws: what the writer throws.
  func writer(
    in directory: String, _ tensors: [TensorDescriptor], metadata: [(key: String, value: String)]
  ) throws(HybridizeError) -> (any TensorWriter)? {
    switch self {
    case .safetensors: nil
    case .zstd(let options):
      try ZstdSafetensorsWriter(
        FileSystem.join(directory, "model.safetensors.zst"), tensors: tensors, metadata: metadata, options: options)
    }
  }
}
