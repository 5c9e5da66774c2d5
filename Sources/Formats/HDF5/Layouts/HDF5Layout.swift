import HybridizeCore

/// What a file holds, by its layout.
struct HDF5Contents {
  var tensors: [HDF5Tensor]
  var metadata: [(key: String, value: String)] = []
}

/// The ways in which checkpoints lie in an HDF5 file.
enum HDF5Layout {
  /// Recognises the layout and names its tensors. What is of no known layout has the paths of its datasets as names.
  static func contents(_ file: HDF5File) throws(HybridizeError) -> HDF5Contents {
    do {
      if FlatLayout.matches(file) { return try FlatLayout.contents(file) }
      if let group = NamedWeightsLayout.group(of: file) { return try NamedWeightsLayout.contents(file, group) }
      return HDF5Contents(tensors: try KerasLayout.tensors([file]))
    } catch {
      throw error.inFile(file.source.path)
    }
  }
}

extension Problem {
  public static let hdf5UnknownLayout = Problem(
    "hdf5UnknownLayout", .inputFile, "the file does not keep to the layout that it says it has")
}
