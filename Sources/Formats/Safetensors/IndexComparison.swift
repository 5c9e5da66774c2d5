import HybridizeCore

/// In what an index differs from its shards, where that changes no tensor.
struct IndexComparison {
  /// Tensors of the index that no shard holds.
  var ghosts: [String] = []
  /// Tensors that are in another shard than the index says.
  var misplaced: [String] = []
  /// Tensors of the shards that the index does not name.
  var unmapped: [String] = []
  /// Bytes as the index has them and as they are, where they differ.
  var sizes: (claimed: Int, found: Int)?

  /// A line each, with few of the names.
  var warnings: [String] {
    var lines: [String] = []
    for (names, what) in [
      (ghosts, "the index names what no shard holds"),
      (misplaced, "the index names another shard than the one that holds"),
      (unmapped, "the index does not name what the shards hold"),
    ] where !names.isEmpty {
      lines.append("\(what): \(Self.list(names))")
    }
    if let sizes {
      lines.append("metadata.total_size of the index is \(sizes.claimed), the tensors have \(sizes.found) bytes")
    }
    return lines
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(3).map(ErrorText.escape).joined(separator: ", ")
    return names.count > 3 ? shown + " and \(names.count - 3) more" : shown
  }
}
