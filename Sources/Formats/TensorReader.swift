import HybridizeCore

/// What a file says about one of its tensors.
public struct TensorDescriptor: Sendable {
  public let name: String
  public let elementType: ElementType
  public let shape: Shape
  /// Exactly what `elementType` and `shape` ask for.
  public let byteCount: Int

  /// - Throws: `.sizeOverflow`, `.subByteMisaligned`, naming the tensor.
  public init(name: String, elementType: ElementType, shape: Shape) throws(HybridizeError) {
    do {
      byteCount = try elementType.byteCount(elements: shape.elementCount())
    } catch {
      throw error.inTensor(name)
    }
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }

  private init(_ other: TensorDescriptor, name: String) {
    self.name = name
    elementType = other.elementType
    shape = other.shape
    byteCount = other.byteCount
  }

  /// The same tensor under another name.
  package func named(_ name: String) -> TensorDescriptor { TensorDescriptor(self, name: name) }
}

/// Names are compared by their bytes: canonically equivalent ones are different tensors.
extension TensorDescriptor: Hashable {
  public static func == (a: TensorDescriptor, b: TensorDescriptor) -> Bool {
    UTF8Key(a.name) == UTF8Key(b.name) && a.elementType == b.elementType && a.shape == b.shape
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(UTF8Key(name))
    hasher.combine(elementType)
    hasher.combine(shape)
  }
}

/// An open checkpoint: named tensors that can be looked at without reading them.
///
/// A reader checks the whole structure when it is opened, so that what it hands out is sound; it is immutable and
/// may be used from several threads. Every implementation passes `checkTensorReader`.
public protocol TensorReader: AnyObject, Sendable {
  /// The file or directory as it was given.
  var path: String { get }
  /// For instance `safetensors`.
  var formatName: String { get }
  /// In the order of their data: shards in order, then by place in the file.
  var tensors: [TensorDescriptor] { get }
  /// Free text that the file carries about itself, in file order.
  var metadata: [(key: String, value: String)] { get }
  /// The data files, for hashing and reports.
  var files: [String] { get }
  /// What is wrong with the book-keeping around the tensors and changes none of them, a line each.
  var warnings: [String] { get }

  /// The tensor of that name, compared by bytes.
  func descriptor(named name: String) -> TensorDescriptor?

  /// The data file that holds the tensor; one of `files`.
  func file(of name: String) -> String?

  /// A view of the tensor's bytes: mapped and not copied where the format allows it, and keeping the file open.
  ///
  /// - Throws: `.missingTensor`, with similar names.
  func tensor(named name: String) throws(HybridizeError) -> StoredTensor

  /// Copies the bytes `range` of the tensor, counted from its first, into `buffer`.
  ///
  /// Unlike `tensor(named:)` this survives a file that is shortened meanwhile.
  ///
  /// - Throws: `.missingTensor`, `.rangeOutsideTensor`, `.truncatedData`, `.unreadable`.
  /// - Precondition: `buffer` has as many bytes as `range`.
  func read(_ name: String, range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(HybridizeError)
}

extension TensorReader {
  public var warnings: [String] { [] }

  /// The error for a name that is not there.
  package func missing(_ name: String) -> HybridizeError {
    let near = SimilarNames.find(name, among: tensors.map(\.name))
    return HybridizeError(
      .missingTensor, file: path, tensor: name, found: "\(tensors.count) tensors",
      remedy: near.isEmpty ? nil : "similar names: " + near.joined(separator: ", "))
  }
}

extension TensorDescriptor {
  /// - Throws: `.rangeOutsideTensor`.
  package func check(_ range: Range<Int>, in file: String) throws(HybridizeError) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw HybridizeError(
        .rangeOutsideTensor, file: file, tensor: name, expected: "bytes within 0..<\(byteCount)",
        found: "\(range)")
    }
  }
}

extension Problem {
  public static let missingTensor = Problem("missingTensor", .inputFile, "there is no such tensor")
  public static let rangeOutsideTensor = Problem(
    "rangeOutsideTensor", .argument, "the bytes asked for are not within the tensor")
}
