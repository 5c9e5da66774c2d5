import HybridizeCore
import Synchronization

/// A backend that hands every operation to another one and clocks it.
///
/// Time between operations goes to `.other` of the part at hand, so that the times of a profile add up to the time
/// from `start` to `stop`.
public final class ProfilingBackend: Backend {
  private struct Account {
    var profile = Profile()
    var part: ModelPart?
    /// Up to where time has been accounted for.
    var mark = ContinuousClock.now
  }

  let base: any Backend
  private let account = Mutex(Account())

  public init(_ base: any Backend) { self.base = base }

  /// Forgets what was clocked and begins anew.
  public func start() { account.withLock { $0 = Account() } }

  /// The profile since `start`.
  public func stop() -> Profile {
    account.withLock { account in
      settle(&account, .other, calls: 0)
      return account.profile
    }
  }

  public func begin(_ part: ModelPart) {
    account.withLock { account in
      settle(&account, .other, calls: 0)
      account.part = part
    }
    base.begin(part)
  }

  /// Books the time since the last booking.
  private func settle(_ account: inout Account, _ operation: Profile.Operation, calls: Int, arithmetic: Int = 0) {
    let now = ContinuousClock.now
    let (seconds, attoseconds) = (now - account.mark).components
    let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    account.profile.add(
      account.part, operation, nanoseconds: nanoseconds, calls: calls, arithmetic: arithmetic)
    account.mark = now
  }

  func clocked<Result>(_ operation: Profile.Operation, arithmetic: Int = 0, _ body: () -> Result) -> Result {
    account.withLock { settle(&$0, .other, calls: 0) }
    defer { account.withLock { settle(&$0, operation, calls: 1, arithmetic: arithmetic) } }
    return body()
  }

  // MARK: What is handed on

  public var name: String { base.name }
  public var details: String { base.details }
  public var threads: Int { base.threads }
  public var activationType: ElementType { base.activationType }

  public func pinThreads() -> [Int]? { base.pinThreads() }
  public func unpinThreads() { base.unpinThreads() }
  public func measureLimits() -> MachineLimits? { base.measureLimits() }
  public func readBandwidth(of weights: [Weight]) -> Double? { base.readBandwidth(of: weights) }
  public func prepare(_ tensor: StoredTensor) throws(HybridizeError) -> Weight { try base.prepare(tensor) }
  public func quantize(_ weight: Weight, as type: QuantizedType) -> (weight: Weight, error: QuantizationError)? {
    base.quantize(weight, as: type)
  }

  public func makeTensor(rows: Int, columns: Int) -> Tensor {
    clocked(.memory) { base.makeTensor(rows: rows, columns: columns) }
  }
  public func write(_ values: [Double], to tensor: Tensor) { clocked(.memory) { base.write(values, to: tensor) } }
  public func read(_ tensor: Tensor) -> [Double] { clocked(.memory) { base.read(tensor) } }
  public func readFloats(_ tensor: Tensor) -> [Float] { clocked(.memory) { base.readFloats(tensor) } }
  public func fill(_ tensor: Tensor, with value: Double) { clocked(.memory) { base.fill(tensor, with: value) } }
  public func copy(_ source: Tensor, to target: Tensor) { clocked(.memory) { base.copy(source, to: target) } }

  public func makeCache(heads: Int, capacity: Int, headDimension: Int, type: CacheType) -> CacheTensor {
    clocked(.memory) { base.makeCache(heads: heads, capacity: capacity, headDimension: headDimension, type: type) }
  }
  public func copy(_ source: CacheTensor, rows range: Range<Int>, to target: CacheTensor, at position: Int) {
    clocked(.memory) { base.copy(source, rows: range, to: target, at: position) }
  }

  public func stored(_ tensor: Tensor, name: String) -> StoredTensor {
    clocked(.memory) { base.stored(tensor, name: name) }
  }
  public func stored(_ cache: CacheTensor, rows count: Int, name: String) -> StoredTensor {
    clocked(.memory) { base.stored(cache, rows: count, name: name) }
  }
  public func restore(_ stored: StoredTensor, to tensor: Tensor) {
    clocked(.memory) { base.restore(stored, to: tensor) }
  }
  public func restore(_ stored: StoredTensor, to cache: CacheTensor) {
    clocked(.memory) { base.restore(stored, to: cache) }
  }

  public func embed(_ ids: [Int], _ table: Weight, into out: Tensor) {
    clocked(.memory) { base.embed(ids, table, into: out) }
  }
  public func linear(_ x: Tensor, _ weight: Weight, into out: Tensor) {
    clocked(.linear, arithmetic: x.arithmetic(weight)) { base.linear(x, weight, into: out) }
  }
  public func linear(_ x: Tensor, _ weights: [Weight], into outs: [Tensor]) {
    clocked(.linear, arithmetic: weights.reduce(0) { $0 + x.arithmetic($1) }) {
      base.linear(x, weights, into: outs)
    }
  }
  public func linear(_ x: Tensor, _ weight: Weight, addingTo out: Tensor) {
    clocked(.linear, arithmetic: x.arithmetic(weight)) { base.linear(x, weight, addingTo: out) }
  }
  public func swiGLU(_ x: Tensor, gate: Weight, up: Weight, into out: Tensor) {
    clocked(.linear, arithmetic: x.arithmetic(gate) + x.arithmetic(up)) {
      base.swiGLU(x, gate: gate, up: up, into: out)
    }
  }
  public func addBias(_ bias: Weight, to x: Tensor) { clocked(.elementwise) { base.addBias(bias, to: x) } }
  public func add(_ y: Tensor, to x: Tensor) { clocked(.elementwise) { base.add(y, to: x) } }

  public func rmsNorm(_ x: Tensor, gain: Weight, epsilon: Double, into out: Tensor) {
    clocked(.norm) { base.rmsNorm(x, gain: gain, epsilon: epsilon, into: out) }
  }
  public func l2Normalize(_ x: Tensor, groupSize: Int, epsilon: Double) {
    clocked(.norm) { base.l2Normalize(x, groupSize: groupSize, epsilon: epsilon) }
  }
  public func silu(_ x: Tensor) { clocked(.elementwise) { base.silu(x) } }
  public func multiplySiLU(_ gate: Tensor, into x: Tensor) {
    clocked(.elementwise) { base.multiplySiLU(gate, into: x) }
  }
  public func sigmoid(_ x: Tensor) { clocked(.elementwise) { base.sigmoid(x) } }
  public func scaleChannels(_ x: Tensor, gain: Weight) { clocked(.elementwise) { base.scaleChannels(x, gain: gain) } }

  public func rotate(_ x: Tensor, headDimension: Int, cosine: Tensor, sine: Tensor) {
    clocked(.rotary) { base.rotate(x, headDimension: headDimension, cosine: cosine, sine: sine) }
  }
  public func appendToCache(_ x: Tensor, _ cache: CacheTensor, position: Int) {
    clocked(.cache) { base.appendToCache(x, cache, position: position) }
  }
  public func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor, appendingTo cache: CacheTensor, position: Int) {
    clocked(.cache) { base.rotate(x, cosine: cosine, sine: sine, appendingTo: cache, position: position) }
  }
  public func attention(_ call: AttentionShape, query: Tensor, sequences: [SequenceCache], into out: Tensor) {
    clocked(.attention) { base.attention(call, query: query, sequences: sequences, into: out) }
  }
  public func convolution(_ x: Tensor, weight: Weight, sequences: [SequenceState], into out: Tensor) {
    clocked(.convolution) { base.convolution(x, weight: weight, sequences: sequences, into: out) }
  }
  public func logDecay(_ x: Tensor, logRate: Weight, bias: Weight, bound: Double?) {
    clocked(.elementwise) { base.logDecay(x, logRate: logRate, bias: bias, bound: bound) }
  }
  public func logSigmoid(_ x: Tensor, scale: Double) { clocked(.elementwise) { base.logSigmoid(x, scale: scale) } }
  public func multiplySigmoid(_ gate: Tensor, into x: Tensor) {
    clocked(.elementwise) { base.multiplySigmoid(gate, into: x) }
  }
  public func linearRecurrence(
    _ call: LinearRecurrenceShape, query: Tensor, key: Tensor, value: Tensor, logDecay: Tensor, beta: Tensor?,
    sequences: [SequenceState], into out: Tensor
  ) {
    clocked(.recurrence) {
      base.linearRecurrence(
        call, query: query, key: key, value: value, logDecay: logDecay, beta: beta, sequences: sequences, into: out)
    }
  }

  public func divergence(teacher: Tensor, student: Tensor, into out: Tensor) {
    clocked(.elementwise) { base.divergence(teacher: teacher, student: student, into: out) }
  }
  public func logSumExp(_ x: Tensor, into out: Tensor) { clocked(.elementwise) { base.logSumExp(x, into: out) } }
}

extension Tensor {
  /// Multiplications and additions of its rows with a weight, there or back.
  func arithmetic(_ weight: Weight) -> Int { 2 * rows * weight.rows * weight.columns }
}
