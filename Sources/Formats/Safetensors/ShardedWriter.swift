import HybridizeCore

/// Writes a checkpoint into a directory, in as many safetensors files as a `ShardPlan` says, and their index.
///
/// Each file appears when it is complete. For the whole to appear at once, write into an `AtomicDirectory`.
public final class ShardedWriter: TensorWriter {
  public let tensors: [TensorDescriptor]
  private let directory: String
  private let plan: ShardPlan
  private let stem: String
  private let metadata: [(key: String, value: String)]
  /// How many shards have been begun; the last of them is `current` until it is complete.
  private var begun = 0
  private var current: SafetensorsWriter?
  private var written: [WrittenFile] = []

  /// - Parameters:
  ///   - directory: an existing directory, for instance `AtomicDirectory.buildPath`.
  ///   - tensors: in the order in which they fill the shards; `self.tensors` has the order of writing.
  ///   - metadata: the `__metadata__` of every file.
  ///   - maximumBytes: of tensors in a file.
  ///   - stem: the beginning of the file names.
  /// - Throws: as `SafetensorsLayout`, before anything is written.
  /// - Precondition: `maximumBytes` is positive.
  public init(
    directory: String, tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    maximumBytes: Int = .max, stem: String = "model"
  ) throws(HybridizeError) {
    try SafetensorsLayout.checkNames(tensors)
    plan = try ShardPlan(tensors, maximumBytes: maximumBytes, stem: stem)
    var ordered: [TensorDescriptor] = []
    for shard in plan.shards { ordered += try SafetensorsLayout(shard.tensors, metadata: metadata).tensors }
    self.tensors = ordered
    self.directory = directory
    self.stem = stem
    self.metadata = metadata
  }

  public func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(HybridizeError) {
    // More than once where a shard has nothing but empty tensors.
    while current?.isComplete ?? true, try beginShard() {}
    try current?.append(bytes, to: name)
  }

  public func finish() throws(HybridizeError) -> [WrittenFile] {
    while try beginShard() {}
    try endShard()
    if let index = plan.index {
      let file = try AtomicFile(FileSystem.join(directory, "\(stem).safetensors.index.json"))
      try Array(index.utf8).withBytes(file.write)
      written.append(try file.commit())
    }
    return written
  }

  /// Ends the current shard and begins the next one; false, and nothing done, if there is none.
  private func beginShard() throws(HybridizeError) -> Bool {
    guard begun < plan.shards.count else { return false }
    try endShard()
    let shard = plan.shards[begun]
    begun += 1
    current = try SafetensorsWriter(
      FileSystem.join(directory, shard.name), tensors: shard.tensors, metadata: metadata)
    return true
  }

  /// - Throws: `.tensorSizeWrong` if the shard is not complete.
  private func endShard() throws(HybridizeError) {
    if let current { written += try current.finish() }
    current = nil
  }
}
