import CKernels
import HybridizeCore

extension CPUBackend {
  public func appendToCache(_ x: Tensor, _ cache: Tensor, heads: Int, position: Int) {
    let capacity = cache.rows / heads
    let width = cache.columns
    precondition(x.columns == heads * width && cache.rows == heads * capacity, "appendToCache: wrong shape")
    precondition(position >= 0 && position + x.rows <= capacity, "appendToCache: beyond the cache")
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for head in 0..<heads {
        for row in rows {
          let target = cache.floats + (head * capacity + position + row) * width
          target.update(from: x.floats + row * x.columns + head * width, count: width)
        }
      }
    }
  }

  public func attention(
    _ call: AttentionShape, query: Tensor, keys: Tensor, values: Tensor, position: Int, into out: Tensor
  ) {
    let width = call.headDimension
    precondition(query.columns == call.heads * width && query.hasShape(of: out), "attention: wrong shape of query")
    precondition(keys.columns == width && keys.hasShape(of: values), "attention: wrong shape of the cache")
    precondition(
      keys.rows % call.keyValueHeads == 0 && position >= 0 && position + query.rows <= keys.rows / call.keyValueHeads,
      "attention: beyond the cache")
    let job = AttentionJob(
      call: call, query: query.floats, keys: keys.floats, values: values.floats, out: out.floats, tokens: query.rows,
      position: position, capacity: keys.rows / call.keyValueHeads)
    if query.rows <= Self.fewQueries { attendFew(job) } else { attendBlocks(job) }
  }

  /// Query rows up to which each is taken alone: a product of so few rows is slower.
  private static let fewQueries = 8
  /// Keys that one item of work reads. The sums of a query are cut here and nowhere else.
  private static let keysAPart = 256
  private static let queriesABlock = 64
  private static let keysABlock = 512

  /// Each key and value head is read once for its group of query heads, in parts whose results are then combined
  /// in order.
  private func attendFew(_ job: AttentionJob) {
    let call = job.call
    let width = call.headDimension
    guard job.tokens > 0 else { return }
    let parts = (job.position + job.tokens + Self.keysAPart - 1) / Self.keysAPart
    let partFloats = call.group * (width + 2)
    let partials = pool.shared(floats: job.tokens * call.keyValueHeads * parts * partFloats)
    pool.run(call.keyValueHeads * parts, scratch: call.group * (Self.keysAPart + 3)) { item, scratch in
      let (head, part) = (item / parts, item % parts)
      let first = part * Self.keysAPart
      for token in 0..<job.tokens {
        let count = min(Self.keysAPart, job.position + token + 1 - first)
        guard count > 0 else { continue }
        kernels.attend(
          job.queryRow(token, head: head * call.group), call.group, width, width, job.key(head, first),
          job.value(head, first), count, Float(call.scale), scratch,
          partials + ((token * call.keyValueHeads + head) * parts + part) * partFloats)
      }
    }
    pool.run(job.tokens) { token, _ in
      let seen = (job.position + token + Self.keysAPart) / Self.keysAPart
      for head in 0..<call.heads {
        let (group, member) = (head / call.group, head % call.group)
        let first = partials + (token * call.keyValueHeads + group) * parts * partFloats + member * (width + 2)
        kernels.combine(first, seen, partFloats, width, job.outRow(token, head: head))
      }
    }
  }

  /// Blocks of queries against blocks of keys with a running softmax; what the mask hides is skipped.
  private func attendBlocks(_ job: AttentionJob) {
    let blocks = (job.tokens + Self.queriesABlock - 1) / Self.queriesABlock
    let width = job.call.headDimension
    let scratchFloats = Self.queriesABlock * (Self.keysABlock + width + 2)
    pool.run(blocks * job.call.heads, scratch: scratchFloats) { item, scratch in
      // The last blocks see the most keys: they go first, so that threads finish together.
      let block = blocks - 1 - item / job.call.heads
      let first = block * Self.queriesABlock
      attendBlock(
        job, head: item % job.call.heads, queries: first..<min(job.tokens, first + Self.queriesABlock), scratch)
    }
  }

  private func attendBlock(
    _ job: AttentionJob, head: Int, queries: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let width = job.call.headDimension
    let rowStride = job.call.heads * width
    let scores = scratch
    let sums = scores + Self.queriesABlock * Self.keysABlock
    let greatest = sums + Self.queriesABlock * width
    let total = greatest + Self.queriesABlock
    sums.update(repeating: 0, count: queries.count * width)
    greatest.update(repeating: -.infinity, count: queries.count)
    total.update(repeating: 0, count: queries.count)
    let group = head / job.call.group
    let end = job.position + queries.upperBound
    for first in stride(from: 0, to: end, by: Self.keysABlock) {
      let count = min(Self.keysABlock, end - first)
      product.transposed(
        rows: queries.count, columns: count, depth: width, job.queryRow(queries.lowerBound, head: head),
        stride: rowStride, job.key(group, first), stride: width, into: scores, stride: count)
      kernels.softmax_block(
        scores, queries.count, count, count, Float(job.call.scale), job.position + queries.lowerBound + 1 - first,
        greatest, total, sums, width)
      product(
        rows: queries.count, columns: width, depth: count, scores, stride: count, job.value(group, first),
        stride: width, keep: 1, into: sums, stride: width)
    }
    for (index, token) in queries.enumerated() {
      let target = job.outRow(token, head: head)
      for column in 0..<width { target[column] = sums[index * width + column] / total[index] }
    }
  }
}

extension AttentionShape {
  /// Query heads that share a key and value head.
  var group: Int { heads / keyValueHeads }
}

/// The operands of one attention.
private struct AttentionJob {
  let call: AttentionShape
  let query: UnsafePointer<Float>
  let keys: UnsafePointer<Float>
  let values: UnsafePointer<Float>
  let out: UnsafeMutablePointer<Float>
  let tokens: Int
  let position: Int
  let capacity: Int

  func queryRow(_ token: Int, head: Int) -> UnsafePointer<Float> {
    query + (token * call.heads + head) * call.headDimension
  }
  func outRow(_ token: Int, head: Int) -> UnsafeMutablePointer<Float> {
    out + (token * call.heads + head) * call.headDimension
  }
  func key(_ head: Int, _ row: Int) -> UnsafePointer<Float> { keys + (head * capacity + row) * call.headDimension }
  func value(_ head: Int, _ row: Int) -> UnsafePointer<Float> { values + (head * capacity + row) * call.headDimension }
}
