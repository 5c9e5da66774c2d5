import HybridizeCore

/// Which tensor goes into which file of a checkpoint, by a limit on the size of a file.
public struct ShardPlan: Sendable {
  /// A file of the checkpoint.
  public struct Shard: Sendable {
    /// `model.safetensors`, or `model-00001-of-00007.safetensors`.
    public let name: String
    /// As they were given to the plan.
    public let tensors: [TensorDescriptor]
  }

  public let shards: [Shard]
  /// Bytes of all tensors.
  public let totalSize: Int

  /// Fills shards in the order of `tensors`. No tensor is split; one above the limit gets a shard of its own.
  ///
  /// - Parameter stem: the beginning of the file names.
  /// - Throws: `.sizeOverflow`.
  /// - Precondition: `maximumBytes` is positive.
  public init(
    _ tensors: [TensorDescriptor], maximumBytes: Int = .max, stem: String = "model"
  ) throws(HybridizeError) {
    precondition(maximumBytes > 0, "a shard holds at least a byte")
    totalSize = try SafetensorsLayout.total(tensors)
    let groups = Self.group(tensors, maximumBytes)
    guard groups.count > 1 else {
      shards = [Shard(name: "\(stem).safetensors", tensors: tensors)]
      return
    }
    shards = groups.enumerated().map { position, group in
      let number = "\(Self.digits(position + 1))-of-\(Self.digits(groups.count))"
      return Shard(name: "\(stem)-\(number).safetensors", tensors: group)
    }
  }

  /// The text of the index, with sorted keys; `nil` for a single file, which needs none.
  public var index: String? {
    guard shards.count > 1 else { return nil }
    let places = shards.flatMap { shard in shard.tensors.map { (name: $0.name, file: shard.name) } }
    var map = JSONObject()
    for place in places.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      map[place.name] = .string(place.file)
    }
    let metadata: JSONObject = ["total_size": .integer(totalSize)]
    return JSONWriter.indented(.object(["metadata": .object(metadata), "weight_map": .object(map)]))
  }

  private static func group(_ tensors: [TensorDescriptor], _ maximumBytes: Int) -> [[TensorDescriptor]] {
    var groups: [[TensorDescriptor]] = []
    var group: [TensorDescriptor] = []
    var size = 0
    for tensor in tensors {
      if tensor.byteCount > maximumBytes {
        groups.append([tensor])
        continue
      }
      if tensor.byteCount > maximumBytes - size {
        groups.append(group)
        group = []
        size = 0
      }
      group.append(tensor)
      size += tensor.byteCount
    }
    if !group.isEmpty { groups.append(group) }
    return groups
  }

  /// Five digits, as the tools of the field write and expect.
  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }
}
