import HybridizeCore

/// What goes where in a file: the datasets of every tensor, and attributes.
struct HDF5Plan {
  struct Dataset {
    /// Without a slash before it.
    let path: String
    let shape: Shape
    let elementType: ElementType
    /// bfloat16 as Keras has it: two bytes without a meaning, and an attribute that gives it.
    let isOpaqueBFloat16: Bool
  }

  /// A tensor and the datasets that it becomes.
  struct Placement {
    let tensor: TensorDescriptor
    let parts: [Dataset]
    let form: TensorForm
  }

  enum Value {
    case text(String)
    case texts([String])
    case integer(Int)
  }

  struct Attribute {
    /// The path of the group, without a slash before it; empty for the root.
    let group: String
    let name: String
    let value: Value
  }

  private(set) var placements: [Placement] = []
  var attributes: [Attribute] = []
  private var paths = Set<UTF8Key>()

  /// Adds a tensor.
  ///
  /// - Parameter parts: paths of its datasets, with their shapes.
  /// - Throws: `.duplicateName`, `.hdf5NoPlace` for a path that HDF5 cannot have.
  mutating func place(
    _ tensor: TensorDescriptor, in parts: [(path: String, shape: Shape)], form: TensorForm = .same, isKeras: Bool
  ) throws(HybridizeError) {
    var datasets: [Dataset] = []
    for part in parts {
      try Self.check(part.path, of: tensor)
      guard paths.insert(UTF8Key(part.path)).inserted else {
        throw HybridizeError(.duplicateName, tensor: tensor.name, found: "another tensor that becomes \(part.path)")
      }
      datasets.append(
        Dataset(
          path: part.path, shape: part.shape, elementType: tensor.elementType,
          isOpaqueBFloat16: isKeras && tensor.elementType == .bfloat16))
    }
    placements.append(Placement(tensor: tensor, parts: datasets, form: form))
  }

  private static func check(_ path: String, of tensor: TensorDescriptor) throws(HybridizeError) {
    let names = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.utf8.contains(0), names.allSatisfy({ !$0.isEmpty && $0 != "." }) else {
      throw HybridizeError(
        .hdf5NoPlace, tensor: tensor.name, expected: "names that are neither empty nor a dot nor hold a zero byte",
        remedy: "write the flat layout, which takes every name")
    }
    guard tensor.shape.dimensions.count <= HDF5Limits.rank else {
      throw HybridizeError(
        .hdf5NoPlace, tensor: tensor.name, expected: "at most \(HDF5Limits.rank) dimensions",
        found: "\(tensor.shape.dimensions.count)")
    }
  }
}

extension Problem {
  public static let hdf5NoPlace = Problem("hdf5NoPlace", .output, "this layout of HDF5 has no place for the tensor")
}
