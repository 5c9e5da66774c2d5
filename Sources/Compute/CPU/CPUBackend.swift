import CKernels
import HybridizeCore

/// Float32 activations on the processor: own kernels for the instruction set at hand, OpenBLAS for large products.
///
/// Weights stay in the type of the file (F32, BF16, F16) and are widened where they are multiplied. Work is split
/// among threads along outputs, heads and rows only and in pieces of fixed size, so that results are bit-equal
/// for any number of threads. Denormals count as zeros.
public final class CPUBackend: Backend {
  public let name = "cpu"
  public let activationType = ElementType.float32
  public let instructionSet: InstructionSet
  package let kernels: ck_kernels
  package let product: MatrixMultiplier
  let pool: ThreadPool

  /// - Parameters:
  ///   - instructionSet: `nil` takes `HYBRIDIZE_ISA` from the environment, or the best of this machine.
  /// - Throws: `.badArgument` for a number of threads or an instruction set that cannot be had.
  public init(
    threads: Int, instructionSet: InstructionSet? = nil, matrixProduct: MatrixProduct = .automatic
  ) throws(HybridizeError) {
    let chosen: InstructionSet
    if let instructionSet { chosen = instructionSet } else { chosen = try .chosen() }
    let table = try chosen.kernels()
    self.instructionSet = chosen
    kernels = table.pointee
    product = MatrixMultiplier(matrixProduct, own: table)
    pool = try ThreadPool(threads: threads)
  }

  public var threads: Int { pool.threads }
  public var details: String { "\(instructionSet.rawValue), \(matrixProductName)" }
  /// Who multiplies large matrices, for reports: `OpenBLAS SkylakeX`, `own`.
  public var matrixProductName: String { product.name }
  /// Why OpenBLAS is not used though it was wanted: worth telling a user.
  public var matrixProductShortfall: String? { product.shortfall }
  /// Processors that this process may run on.
  public static var onlineProcessors: Int { ck_online_processors() }

  // MARK: Memory

  public func makeTensor(rows: Int, columns: Int) -> Tensor {
    let storage = Storage.allocate(byteCount: rows * columns * MemoryLayout<Float>.stride)
    return Tensor(storage: storage, offset: 0, rows: rows, columns: columns)
  }

  public func write(_ values: [Double], to tensor: Tensor) {
    precondition(values.count == tensor.elementCount, "\(values.count) values for \(tensor.elementCount) elements")
    let target = tensor.floats
    for (index, value) in values.enumerated() { target[index] = Float(value) }
  }

  public func read(_ tensor: Tensor) -> [Double] {
    UnsafeBufferPointer(start: tensor.floats, count: tensor.elementCount).map { Double($0) }
  }

  public func readFloats(_ tensor: Tensor) -> [Float] {
    Array(UnsafeBufferPointer(start: tensor.floats, count: tensor.elementCount))
  }

  public func fill(_ tensor: Tensor, with value: Double) {
    tensor.floats.update(repeating: Float(value), count: tensor.elementCount)
  }

  public func copy(_ source: Tensor, to target: Tensor) {
    precondition(source.hasShape(of: target), "copy between different shapes")
    target.floats.update(from: source.floats, count: source.elementCount)
  }

  // MARK: Shares of work

  /// Calls `work` for consecutive pieces of `0 ..< count`, each of at most `size`, on all threads.
  func forEachPiece(of count: Int, size: Int, _ work: (Range<Int>) -> Void) {
    pool.run((count + size - 1) / size) { item, _ in work(item * size..<min(count, (item + 1) * size)) }
  }
}

extension Tensor {
  /// - Precondition: made by the CPU backend.
  var floats: UnsafeMutablePointer<Float> { storage.address.assumingMemoryBound(to: Float.self) + offset }
  func row(_ index: Int) -> UnsafeMutablePointer<Float> { floats + index * columns }
}
