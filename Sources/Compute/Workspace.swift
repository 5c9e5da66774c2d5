/// Scratch tensors that are handed out again and again, so that a decode step allocates nothing.
///
/// Tensors taken inside `scope` are given back at its end, in stack order; their contents are not cleared.
/// Not for use by two threads at once.
public final class Workspace {
  private let backend: any Backend
  private var blocks: [Tensor] = []
  private var block = 0
  private var used = 0
  private let smallestBlock = 1 << 16

  public init(_ backend: any Backend) { self.backend = backend }

  /// An uninitialised `[rows, columns]`.
  public func tensor(rows: Int, columns: Int) -> Tensor {
    // 16 elements are a cache line of float32: no two tensors share one.
    let count = (rows * columns + 15) / 16 * 16
    while block < blocks.count, used + count > blocks[block].elementCount {
      block += 1
      used = 0
    }
    if block == blocks.count {
      blocks.append(backend.makeTensor(rows: 1, columns: max(count, smallestBlock << min(blocks.count, 8))))
    }
    defer { used += count }
    return Tensor(storage: blocks[block].storage, offset: used, rows: rows, columns: columns)
  }

  /// An uninitialised tensor of the same shape as another.
  public func tensor(like other: Tensor) -> Tensor { tensor(rows: other.rows, columns: other.columns) }

  /// Runs `body` and takes back what it took.
  public func scope<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let mark = (block, used)
    defer { (block, used) = mark }
    return try body()
  }
}
