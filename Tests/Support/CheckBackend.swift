import HybridizeCompute
import HybridizeCore

/// Compares every operation of a backend with the reference on random operands of even and odd sizes.
///
/// A new backend is tested by one call: `#expect(try checkBackend(mine) == [])`.
///
/// - Returns: what differs, a line each; empty when all is well.
package func checkBackend(
  _ backend: any Backend, against reference: any Backend = ReferenceBackend(), seed: UInt64 = 1
) throws -> [String] {
  let comparison = BackendComparison(backend, against: reference, seed: seed)
  comparison.checkMemory()
  for type in [ElementType.float32, .bfloat16, .float16, .float64] {
    try comparison.checkEmbedding(type)
    try comparison.checkLinear(type)
    try comparison.checkVectors(type)
  }
  try comparison.checkFusedOperations()
  for type in QuantizedType.allCases { try comparison.checkQuantization(type) }
  comparison.checkElementwise()
  comparison.checkRotation()
  comparison.checkAttention()
  comparison.checkCaches()
  try comparison.checkConvolution()
  comparison.checkLinearRecurrence()
  try comparison.checkMixingGradients()
  comparison.checkJudgement()
  try comparison.checkGradients()
  return comparison.mismatches
}

/// Single precision with sums of up to a few thousand terms.
private let tolerance = 2e-5

/// The same where activations may be rounded to 16 bits: six standard deviations of what that does to a sum.
private let roundingTolerance = 2.5e-4

/// Values as a product with quantised weights may take them: blocks with a step of a power of two, of which the largest
/// has 2^14 or more, less than 2^15.
private func inBlocksOfSixteenBits(_ values: [Double]) -> [Double] {
  stride(from: 0, to: values.count, by: QuantizedType.blockSize).flatMap { first in
    let block = Array(values[first..<first + QuantizedType.blockSize])
    let step = Double(sign: .plus, exponent: Int(block.largestMagnitude.exponent) - 14, significand: 1)
    return block.map { max(-32767, min(32767, ($0 / step).rounded(.toNearestOrEven))) * step }
  }
}

extension BackendComparison {
  func checkMemory() {
    let x = random(7, 33)
    let copied = memory(7, 33)
    backend.copy(x.tested, to: copied.tested)
    reference.copy(x.expected, to: copied.expected)
    compare("copy", copied, tolerance: 0)
    backend.fill(copied.tested.rows(2..<4), with: 0.5)
    reference.fill(copied.expected.rows(2..<4), with: 0.5)
    compare("fill", copied, tolerance: 0)
  }

  func checkEmbedding(_ type: ElementType) throws {
    for columns in [1, 31, 64, 97] {
      let table = try weight([11, columns], type)
      let ids = (0..<70).map { _ in generator.index(below: 11) }
      let out = memory(ids.count, columns)
      backend.embed(ids, table.tested, into: out.tested)
      reference.embed(ids, table.expected, into: out.expected)
      compare("embed \(type.rawValue)", out, tolerance: 1e-7)
    }
  }

  func checkLinear(_ type: ElementType) throws {
    let sizes = [(1, 1), (9, 64), (64, 9), (127, 33), (128, 65), (300, 100), (513, 31)]
    for (outputs, inputs) in sizes {
      let weight = try weight([outputs, inputs], type)
      for rows in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 65, 259] {
        let x = random(rows, inputs)
        let out = memory(rows, outputs)
        backend.linear(x.tested, weight.tested, into: out.tested)
        reference.linear(x.expected, weight.expected, into: out.expected)
        compare("linear \(type.rawValue) from \(inputs)", out, tolerance: tolerance)
      }
    }
  }

  /// Operations that are others at once.
  func checkFusedOperations() throws {
    let several = try [(96, ElementType.bfloat16), (9, .float32), (200, .bfloat16)].map {
      try weight([$0.0, 65], $0.1)
    }
    let (gate, up) = (try weight([150, 65], .bfloat16), try weight([150, 65], .bfloat16))
    for rows in [0, 1, 3, 8, 9, 33, 65, 400] {
      let x = random(rows, 65)
      let outs = [96, 9, 200].map { memory(rows, $0) }
      backend.linear(x.tested, several.map(\.tested), into: outs.map(\.tested))
      reference.linear(x.expected, several.map(\.expected), into: outs.map(\.expected))
      for out in outs { compare("linear, several at once", out, tolerance: tolerance) }
      let sum = random(rows, 200)
      backend.linear(x.tested, several[2].tested, addingTo: sum.tested)
      reference.linear(x.expected, several[2].expected, addingTo: sum.expected)
      compare("linear, added", sum, tolerance: tolerance)
      let gated = memory(rows, 150)
      backend.swiGLU(x.tested, gate: gate.tested, up: up.tested, into: gated.tested)
      reference.swiGLU(x.expected, gate: gate.expected, up: up.expected, into: gated.expected)
      compare("swiGLU", gated, tolerance: tolerance)
    }
    for (rows, type, pairs) in [(1, CacheType.full, 15), (5, .bfloat16, 15), (700, .full, 15), (9, .full, 4)] {
      let call = AttentionShape(heads: 2, keyValueHeads: 2, headDimension: 30, scale: 0.2)
      let x = random(rows, 60)
      let (cosine, sine) = (random(rows, pairs), random(rows, pairs))
      let query = random(1, 60)
      let out = memory(1, 60)
      for side in [\Twin.tested, \Twin.expected] {
        let backend = side == \Twin.tested ? backend : reference
        let cache = backend.makeCache(heads: 2, capacity: rows + 2, headDimension: 30, type: type)
        let keys = backend.makeTensor(rows: rows, columns: 60)
        backend.copy(x[keyPath: side], to: keys)
        backend.rotate(
          keys, cosine: cosine[keyPath: side], sine: sine[keyPath: side], appendingTo: cache, position: 0)
        backend.attention(
          call, query: query[keyPath: side],
          sequences: [SequenceCache(rows: 0..<1, position: rows - 1, keys: cache, values: cache)],
          into: out[keyPath: side])
      }
      compare("rotate, appending", out, tolerance: type == .full ? tolerance : 2e-3)
    }
  }

  /// Weights of all sizes, blocks of zeros and blocks of equal values among them.
  func checkQuantization(_ type: QuantizedType) throws {
    let wanted = [(1, 64), (4, 33), (0, 64)]
    for (rows, columns) in wanted {
      let left = try weight([rows, columns], .float32)
      if backend.quantize(left.tested, as: type) != nil { note("[\(rows), \(columns)] was quantised") }
    }
    for (source, outputs, inputs) in [
      (ElementType.float32, 40, 32), (.bfloat16, 77, 96), (.float16, 130, 576), (.float32, 300, 1536),
    ] {
      for range in [-1.0...1, 0...0, 2...2, -1e-6...1e-6, -3e4...1e3] {
        let plain = try weight([outputs, inputs], source, in: range)
        guard let tested = backend.quantize(plain.tested, as: type),
          let expected = reference.quantize(plain.expected, as: type)
        else { return note("[\(outputs), \(inputs)] was not quantised") }
        let name = "\(type.rawValue) [\(outputs), \(inputs)] of \(source.rawValue) in \(range)"
        let table = memory(outputs, inputs)
        backend.embed(Array(0..<outputs), tested.weight, into: table.tested)
        reference.embed(Array(0..<outputs), expected.weight, into: table.expected)
        compare("embed \(name)", table, tolerance: 1e-6)
        if abs(tested.error.relative - expected.error.relative) > 1e-5 * expected.error.relative {
          note("\(name): error \(tested.error) instead of \(expected.error)")
        }
        for rows in [1, 2, 3, 4, 5, 6, 7, 8, 11, 40] {
          let values = (0..<rows * inputs).map { _ in
            Double(sign: .plus, exponent: generator.index(below: 9), significand: generator.uniform(-1, 1))
          }
          let held = inBlocksOfSixteenBits(values)
          var operands = [(held, "16 bits", tolerance)]
          if range == -1.0...1 { operands.append((values, "any values", roundingTolerance)) }
          for (x, kind, tolerance) in operands {
            let x = twin(rows, inputs, x.map { Double(Float($0)) })
            let out = memory(rows, outputs)
            backend.linear(x.tested, tested.weight, into: out.tested)
            reference.linear(x.expected, expected.weight, into: out.expected)
            compare("linear \(name) of \(kind)", out, tolerance: tolerance)
          }
        }
      }
    }
  }

  /// Operations with a vector of parameters.
  func checkVectors(_ type: ElementType) throws {
    for (rows, groups, width) in [(1, 1, 1), (3, 4, 16), (65, 1, 576), (5, 3, 31), (700, 2, 33)] {
      let vector = try weight([width], type, in: -2...2)
      let full = try weight([groups * width], type, in: -2...2)
      let out = memory(rows, groups * width)
      var x = random(rows, groups * width)
      backend.rmsNorm(x.tested, gain: vector.tested, epsilon: 1e-5, into: out.tested)
      reference.rmsNorm(x.expected, gain: vector.expected, epsilon: 1e-5, into: out.expected)
      compare("rmsNorm \(type.rawValue)", out, tolerance: tolerance)
      backend.rmsNorm(x.tested, gain: vector.tested, epsilon: 1e-6, into: x.tested)
      reference.rmsNorm(x.expected, gain: vector.expected, epsilon: 1e-6, into: x.expected)
      compare("rmsNorm in place", x, tolerance: tolerance)

      backend.scaleChannels(x.tested, gain: vector.tested)
      reference.scaleChannels(x.expected, gain: vector.expected)
      compare("scaleChannels \(type.rawValue)", x, tolerance: tolerance)
      backend.addBias(full.tested, to: x.tested)
      reference.addBias(full.expected, to: x.expected)
      compare("addBias \(type.rawValue)", x, tolerance: tolerance)

      x = random(rows, groups * width, in: -40...40)
      let rate = try weight([groups * width], type, in: -8...3)
      backend.logDecay(x.tested, logRate: rate.tested, bias: full.tested, bound: nil)
      reference.logDecay(x.expected, logRate: rate.expected, bias: full.expected, bound: nil)
      compare("logDecay \(type.rawValue)", x, tolerance: tolerance)
      let headRate = try weight([groups], type, in: -3...1)
      for bound in [nil, -5] as [Double?] {
        x = random(rows, groups * width, in: -20...20)
        backend.logDecay(x.tested, logRate: headRate.tested, bias: full.tested, bound: bound)
        reference.logDecay(x.expected, logRate: headRate.expected, bias: full.expected, bound: bound)
        compare("logDecay \(type.rawValue) of channels, bound \(bound ?? 0)", x, tolerance: tolerance)
      }
    }
  }

  func checkElementwise() {
    for (rows, columns) in [(1, 1), (1, 63), (2, 64), (3, 65), (37, 1000)] {
      var x = random(rows, columns, in: -30...30)
      let y = random(rows, columns, in: -30...30)
      backend.add(y.tested, to: x.tested)
      reference.add(y.expected, to: x.expected)
      compare("add", x, tolerance: 1e-6)
      backend.multiplySiLU(y.tested, into: x.tested)
      reference.multiplySiLU(y.expected, into: x.expected)
      compare("multiplySiLU", x, tolerance: 1e-6)
      x = random(rows, columns, in: -30...30)
      backend.silu(x.tested)
      reference.silu(x.expected)
      compare("silu", x, tolerance: 1e-6)
      x = random(rows, columns, in: -30...30)
      backend.sigmoid(x.tested)
      reference.sigmoid(x.expected)
      compare("sigmoid", x, tolerance: 1e-6)
      x = random(rows, columns, in: -30...30)
      backend.multiplySigmoid(y.tested, into: x.tested)
      reference.multiplySigmoid(y.expected, into: x.expected)
      compare("multiplySigmoid", x, tolerance: 1e-6)
      x = random(rows, columns, in: -100...100)
      backend.logSigmoid(x.tested, scale: 0.0625)
      reference.logSigmoid(x.expected, scale: 0.0625)
      compare("logSigmoid", x, tolerance: 1e-6)
    }
    for groupSize in [1, 16, 31, 64] {
      let x = random(9, 5 * groupSize)
      backend.l2Normalize(x.tested, groupSize: groupSize, epsilon: 1e-6)
      reference.l2Normalize(x.expected, groupSize: groupSize, epsilon: 1e-6)
      compare("l2Normalize", x, tolerance: tolerance)
    }
  }

  func checkJudgement() {
    for (rows, columns) in [(1, 1), (3, 63), (2, 1000), (65, 257)] {
      let p = random(rows, columns, in: -20...20)
      let q = random(rows, columns, in: -20...20)
      let out = memory(rows, 1)
      backend.divergence(teacher: p.tested, student: q.tested, into: out.tested)
      reference.divergence(teacher: p.expected, student: q.expected, into: out.expected)
      compare("divergence", out, tolerance: 1e-6)
      backend.logSumExp(p.tested, into: out.tested)
      reference.logSumExp(p.expected, into: out.expected)
      compare("logSumExp", out, tolerance: 1e-6)
    }
  }
}
