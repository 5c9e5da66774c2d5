/// The name of one file of several, as Hugging Face's tools write it: `model-00001-of-00007.safetensors`.
struct ShardName {
  /// For instance `model`.
  let stem: String
  /// What follows the numbers: `.safetensors`.
  let ending: String
  /// How many files there are, as the name has it.
  let count: String

  /// `nil` for a name of another pattern. The file may be compressed: `.safetensors.zst`.
  init?(_ name: String) {
    guard
      let ending = [".safetensors.zst", ".safetensors", ".h5"].first(where: { name.hasSuffix($0) })
    else { return nil }
    let parts = name.dropLast(ending.count).split(separator: "-", omittingEmptySubsequences: false)
    func isNumber(_ part: Substring) -> Bool {
      !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
    guard parts.count >= 4, parts[parts.count - 2] == "of", isNumber(parts[parts.count - 3]),
      isNumber(parts[parts.count - 1])
    else { return nil }
    stem = parts.dropLast(3).joined(separator: "-")
    count = String(parts[parts.count - 1])
    self.ending = ending
  }

  /// The index that goes with the file.
  var index: String { stem + (ending == ".h5" ? ending : ".safetensors") + ".index.json" }
}
