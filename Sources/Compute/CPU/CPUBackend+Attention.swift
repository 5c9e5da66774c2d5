import CKernels
import HybridizeCore

extension CPUBackend {
  public func appendToCache(_ x: Tensor, _ cache: CacheTensor, position: Int) {
    cache.checkAppend(x, at: position)
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for row in rows { cache.store(x.row(row), row: position + row, kernels) }
    }
  }

  public func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor, appendingTo cache: CacheTensor, position: Int) {
    cache.checkAppend(x, at: position)
    x.checkRotation(headDimension: cache.headDimension, cosine: cosine, sine: sine)
    forEachPiece(of: x.rows, size: rowsAPiece(x)) { rows in
      for row in rows {
        Self.rotateRow(x, row, headDimension: cache.headDimension, cosine: cosine, sine: sine, kernels.rotate)
        cache.store(x.row(row), row: position + row, kernels)
      }
    }
  }

  public func attention(_ call: AttentionShape, query: Tensor, sequences: [SequenceCache], into out: Tensor) {
    call.checkShapes(query: query, sequences: sequences, out: out)
    let few = sequences.filter { $0.rows.count <= Self.fewQueries }
    if !few.isEmpty { attendFew(FewQueries(call, few), query: query, out: out) }
    let many = few.count == sequences.count ? [] : sequences.filter { $0.rows.count > Self.fewQueries }
    if !many.isEmpty { attendBlocks(call, many, query: query, out: out) }
  }

  /// Query rows up to which each is taken alone: a product of so few rows is slower.
  private static let fewQueries = 8
  private static let queriesABlock = 64

  /// Each key and value head is read once for its group of query heads, in parts whose results are then combined
  /// in order.
  private func attendFew(_ job: FewQueries, query: Tensor, out: Tensor) {
    let call = job.call
    let width = call.headDimension
    let partFloats = call.group * (width + 2)
    let partials = pool.shared(floats: job.itemCount * partFloats)
    let scratchFloats = ck_attend_scratch(call.group, width, FewQueries.keysAPart)
    pool.run(job.itemCount, scratch: scratchFloats) { item, scratch in
      let (token, head, rows) = job[item]
      let next = item + 1 < job.itemCount ? job[item + 1] : nil
      let (keys, values) = (job.sequences[token.sequence].keys, job.sequences[token.sequence].values)
      var part = ck_attention_part(
        type: keys.kernelType, group: call.group, dimension: width,
        query: query.row(token.row) + head * call.group * width, query_stride: width,
        keys: keys.address(head: head, row: rows.lowerBound), values: values.address(head: head, row: rows.lowerBound),
        count: rows.count,
        next_keys: next.map { next in
          UnsafeRawPointer(job.sequences[next.token.sequence].keys.address(head: next.head, row: next.rows.lowerBound))
        },
        next_count: next?.rows.count ?? 0, scale: Float(call.scale))
      kernels.attend(&part, scratch, partials + item * partFloats)
    }
    pool.run(job.tokens.count * call.keyValueHeads) { item, _ in
      let (token, group) = (job.tokens[item / call.keyValueHeads], item % call.keyValueHeads)
      let first = partials + (token.firstItem + group * token.parts.count) * partFloats
      for member in 0..<call.group {
        kernels.combine(
          first + member * (width + 2), token.parts.count, partFloats, width,
          out.row(token.row) + (group * call.group + member) * width)
      }
    }
  }

  /// Blocks of queries against blocks of keys with a running softmax; what nobody sees is skipped.
  private func attendBlocks(_ call: AttentionShape, _ sequences: [SequenceCache], query: Tensor, out: Tensor) {
    var blocks: [(sequence: SequenceCache, rows: Range<Int>)] = []
    for sequence in sequences {
      let count = sequence.rows.count
      for first in stride(from: 0, to: count, by: Self.queriesABlock) {
        blocks.append((sequence, first..<min(count, first + Self.queriesABlock)))
      }
    }
    // Those that see the most keys go first, so that threads finish together.
    blocks.sort { $0.sequence.position + $0.rows.upperBound > $1.sequence.position + $1.rows.upperBound }
    let width = call.headDimension
    let scratchFloats = ck_attention_scratch(call.group, Self.queriesABlock, width)
    pool.run(blocks.count * call.keyValueHeads, scratch: scratchFloats) { item, scratch in
      let (sequence, rows) = blocks[item / call.keyValueHeads]
      let head = item % call.keyValueHeads
      let first = sequence.rows.lowerBound + rows.lowerBound
      var block = ck_attention_block(
        type: sequence.keys.kernelType, group: call.group, rows: rows.count, dimension: width,
        query: query.row(first) + head * call.group * width, query_stride: query.columns,
        keys: sequence.keys.address(head: head, row: 0), values: sequence.values.address(head: head, row: 0),
        position: sequence.position + rows.lowerBound, window: call.window?.size ?? Int.max,
        sinks: call.window?.sinks ?? 0, scale: Float(call.scale), out: out.row(first) + head * call.group * width)
      kernels.attend_block(&block, scratch)
    }
  }
}

extension AttentionShape {
  /// Query heads that share a key and value head.
  var group: Int { heads / keyValueHeads }
}

/// How the attention of a few queries is cut: each query's visible cache rows in parts, at the same places whatever
/// else is in the call. An item of work is a part of a key and value head; those of a head follow each other, so that a
/// thread mostly reads on where it was.
private struct FewQueries {
  struct Token {
    let sequence: Int
    /// Of query and output.
    let row: Int
    let firstItem: Int
    /// Cache rows.
    let parts: [Range<Int>]
  }

  let call: AttentionShape
  let sequences: [SequenceCache]
  private(set) var tokens: [Token] = []
  private(set) var itemCount = 0
  /// The token of each run of as many items as there are key and value heads.
  private var tokenOfRun: [Int] = []

  /// Keys that one item of work reads. The sums of a query are cut here and nowhere else.
  static let keysAPart = 128

  init(_ call: AttentionShape, _ sequences: [SequenceCache]) {
    self.call = call
    self.sequences = sequences
    for (number, sequence) in sequences.enumerated() {
      for (index, row) in sequence.rows.enumerated() {
        var parts: [Range<Int>] = []
        let (sinks, rest) = call.visible(at: sequence.position + index)
        for visible in [sinks, rest] {
          for first in stride(from: visible.lowerBound, to: visible.upperBound, by: Self.keysAPart) {
            parts.append(first..<min(visible.upperBound, first + Self.keysAPart))
          }
        }
        tokenOfRun.append(contentsOf: repeatElement(tokens.count, count: parts.count))
        tokens.append(Token(sequence: number, row: row, firstItem: itemCount, parts: parts))
        itemCount += parts.count * call.keyValueHeads
      }
    }
  }

  subscript(item: Int) -> (token: Token, head: Int, rows: Range<Int>) {
    let token = tokens[tokenOfRun[item / call.keyValueHeads]]
    let (head, part) = (item - token.firstItem).quotientAndRemainder(dividingBy: token.parts.count)
    return (token, head, token.parts[part])
  }
}
