import HybridizeCompute
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Single precision with sums of up to a few thousand terms.
private let tolerance = 2e-5

extension BackendComparison {
  func checkGradients() throws {
    checkEmbeddingGradient()
    for type in [ElementType.float32, .bfloat16, .float16] { try checkInputGradient(type) }
    for type in QuantizedType.allCases { try checkInputGradient(type) }
    try checkInputGradientOfSeveral()
    checkWeightGradient()
    checkSharedWeight()
    try checkRowGradients()
    checkActivationGradients()
    checkLosses()
    checkOptimizer()
  }

  // MARK: Dense layers

  private func checkEmbeddingGradient() {
    for columns in [1, 31, 64, 97, 200] {
      let ids = (0..<70).map { _ in generator.index(below: 11) }
      let (gradient, table) = (random(70, columns), random(11, columns))
      backend.embedGradient(ids, gradient.tested, addingTo: table.tested)
      reference.embedGradient(ids, gradient.expected, addingTo: table.expected)
      compare("embedGradient", table, tolerance: tolerance)
    }
  }

  private func checkInputGradient(_ type: ElementType) throws {
    for (outputs, inputs) in [(0, 5), (1, 1), (9, 64), (64, 9), (127, 33), (400, 130), (1024, 31)] {
      let weight = try weight([outputs, inputs], type)
      checkInputGradient(type.rawValue, weight)
    }
  }

  private func checkInputGradient(_ type: QuantizedType) throws {
    for (outputs, inputs) in [(40, 32), (130, 96), (390, 320)] {
      let plain = try weight([outputs, inputs], .float32)
      guard let tested = backend.quantize(plain.tested, as: type),
        let expected = reference.quantize(plain.expected, as: type)
      else { return note("[\(outputs), \(inputs)] was not quantised") }
      checkInputGradient(type.rawValue, WeightTwin(tested: tested.weight, expected: expected.weight))
    }
  }

  private func checkInputGradient(_ name: String, _ weight: WeightTwin) {
    let (outputs, inputs) = (weight.expected.rows, weight.expected.columns)
    for rows in [0, 1, 3, 12, 17, 65] {
      let gradient = random(rows, outputs)
      for adding in [false, true] {
        let out = adding ? random(rows, inputs) : memory(rows, inputs)
        backend.linearInputGradient([gradient.tested], [weight.tested], adding: adding, into: out.tested)
        reference.linearInputGradient([gradient.expected], [weight.expected], adding: adding, into: out.expected)
        compare("linearInputGradient \(name) from \(outputs), adding \(adding)", out, tolerance: tolerance)
      }
    }
  }

  private func checkInputGradientOfSeveral() throws {
    let weights = try [(96, ElementType.bfloat16), (9, .float32), (200, .float16)].map {
      try weight([$0.0, 165], $0.1)
    }
    for (rows, adding) in [(1, false), (5, true), (300, false), (300, true), (600, false)] {
      let gradients = [96, 9, 200].map { random(rows, $0) }
      let out = adding ? random(rows, 165) : memory(rows, 165)
      backend.linearInputGradient(
        gradients.map(\.tested), weights.map(\.tested), adding: adding, into: out.tested)
      reference.linearInputGradient(
        gradients.map(\.expected), weights.map(\.expected), adding: adding, into: out.expected)
      compare("linearInputGradient of several, adding \(adding)", out, tolerance: tolerance)
    }
  }

  private func checkWeightGradient() {
    for (outputs, inputs) in [(1, 1), (9, 64), (64, 9), (127, 33), (205, 130)] {
      for tokens in [0, 1, 7, 256, 300] {
        let (x, gradient, sum) = (random(tokens, inputs), random(tokens, outputs), random(outputs, inputs))
        backend.linearWeightGradient(x.tested, gradient.tested, addingTo: sum.tested)
        reference.linearWeightGradient(x.expected, gradient.expected, addingTo: sum.expected)
        compare("linearWeightGradient of \(tokens)", sum, tolerance: tolerance)
        let bias = random(1, outputs)
        backend.biasGradient(gradient.tested, addingTo: bias.tested)
        reference.biasGradient(gradient.expected, addingTo: bias.expected)
        compare("biasGradient of \(tokens)", bias, tolerance: tolerance)
      }
    }
  }

  private func checkSharedWeight() {
    let (table, gain) = (random(40, 33), random(1, 33))
    let weights = [table, gain].map {
      WeightTwin(tested: backend.weight(sharing: $0.tested), expected: reference.weight(sharing: $0.expected))
    }
    // Changed after it has become a weight.
    backend.silu(table.tested)
    reference.silu(table.expected)
    let (x, out) = (random(50, 33), memory(50, 40))
    backend.rmsNorm(x.tested, gain: weights[1].tested, epsilon: 1e-5, into: x.tested)
    reference.rmsNorm(x.expected, gain: weights[1].expected, epsilon: 1e-5, into: x.expected)
    backend.linear(x.tested, weights[0].tested, into: out.tested)
    reference.linear(x.expected, weights[0].expected, into: out.expected)
    compare("linear of a shared weight", out, tolerance: tolerance)
  }

  // MARK: Norms and activations

  private func checkRowGradients() throws {
    for (rows, groups, width) in [(0, 1, 5), (1, 1, 2), (3, 4, 16), (65, 1, 576), (5, 3, 31), (700, 2, 33)] {
      let columns = groups * width
      let gain = try weight([width], .float32, in: -2...2)
      let (x, gradient) = (random(rows, columns), random(rows, columns))
      for hasSum in [true, false] {
        let (out, sum) = (memory(rows, columns), random(1, width))
        backend.rmsNormGradient(
          x.tested, gain: gain.tested, epsilon: 1e-5, gradient: gradient.tested, into: out.tested,
          addingTo: hasSum ? sum.tested : nil)
        reference.rmsNormGradient(
          x.expected, gain: gain.expected, epsilon: 1e-5, gradient: gradient.expected, into: out.expected,
          addingTo: hasSum ? sum.expected : nil)
        compare("rmsNormGradient", out, tolerance: tolerance)
        compare("rmsNormGradient, gain \(hasSum)", sum, tolerance: tolerance)

        let change = random(rows, columns)
        backend.scaleChannelsGradient(
          x.tested, gain: gain.tested, inPlace: change.tested, addingTo: hasSum ? sum.tested : nil)
        reference.scaleChannelsGradient(
          x.expected, gain: gain.expected, inPlace: change.expected, addingTo: hasSum ? sum.expected : nil)
        compare("scaleChannelsGradient", change, tolerance: tolerance)
        compare("scaleChannelsGradient, gain \(hasSum)", sum, tolerance: tolerance)
      }
      let change = random(rows, columns)
      backend.l2NormalizeGradient(x.tested, groupSize: width, epsilon: 1e-6, inPlace: change.tested)
      reference.l2NormalizeGradient(x.expected, groupSize: width, epsilon: 1e-6, inPlace: change.expected)
      compare("l2NormalizeGradient", change, tolerance: tolerance)
      backend.rmsNormGradient(
        x.tested, gain: gain.tested, epsilon: 1e-5, gradient: gradient.tested, into: gradient.tested, addingTo: nil)
      reference.rmsNormGradient(
        x.expected, gain: gain.expected, epsilon: 1e-5, gradient: gradient.expected, into: gradient.expected,
        addingTo: nil)
      compare("rmsNormGradient in place", gradient, tolerance: tolerance)
    }
  }

  private func checkActivationGradients() {
    for (rows, columns) in [(1, 1), (1, 63), (2, 64), (3, 65), (37, 1000)] {
      let (x, gate) = (random(rows, columns, in: -30...30), random(rows, columns, in: -30...30))
      func check(_ name: String, _ operation: (any Backend, KeyPath<Twin, Tensor>, Tensor, Tensor) -> Void) {
        let (gradient, other) = (random(rows, columns), memory(rows, columns))
        for (backend, side) in [(backend, \Twin.tested), (reference, \Twin.expected)] {
          // What an operation does not write is the same on both sides.
          backend.fill(other[keyPath: side], with: 1)
          operation(backend, side, gradient[keyPath: side], other[keyPath: side])
        }
        compare(name, gradient, tolerance: 1e-6)
        compare("\(name), gate", other, tolerance: 1e-6)
      }
      check("siluGradient") { backend, side, gradient, _ in
        backend.siluGradient(x[keyPath: side], inPlace: gradient)
      }
      let share = random(rows, columns, in: 0...1)
      check("sigmoidGradient") { backend, side, gradient, _ in
        backend.sigmoidGradient(share[keyPath: side], inPlace: gradient)
      }
      check("multiplySiLUGradient") {
        $0.fill($3, with: .nan)
        $0.multiplySiLUGradient(x[keyPath: $1], gate: gate[keyPath: $1], inPlace: $2, into: $3)
      }
      check("multiplySigmoidGradient") {
        $0.fill($3, with: .nan)
        $0.multiplySigmoidGradient(x[keyPath: $1], gate: gate[keyPath: $1], inPlace: $2, into: $3)
      }
    }
  }

  // MARK: Losses

  private func checkLosses() {
    for (rows, columns) in [(1, 2), (3, 63), (2, 1000), (65, 257)] {
      checkDivergenceGradient(rows, columns)
      checkSparseDivergenceGradient(rows, columns)
      let targets = (0..<rows).map { _ in generator.index(below: 4) == 0 ? nil : generator.index(below: columns) }
      checkLoss("crossEntropyGradient", random(rows, columns, in: -20...20)) { backend, _, logits, losses in
        backend.crossEntropyGradient(targets: targets, inPlace: logits, scale: 0.3, into: losses)
      }
      let teacher = random(rows, columns)
      for squared in [false, true] {
        checkLoss("distanceGradient, squared \(squared)", random(rows, columns)) { backend, side, student, losses in
          backend.distanceGradient(
            teacher: teacher[keyPath: side], inPlace: student, squared: squared, scale: 0.3, into: losses)
        }
      }
    }
  }

  private func checkDivergenceGradient(_ rows: Int, _ columns: Int) {
    let values = reference.read(random(rows, columns, in: -20...20).expected)
    // Close to it as well, and with some tokens ruled out.
    let close = twin(rows, columns, values.map { Double(Float($0 + generator.uniform(-1e-3, 1e-3))) })
    let far = random(rows, columns, in: -20...20)
    let limited = twin(rows, columns, values.enumerated().map { $0 % 3 == 1 ? -.infinity : $1 })
    for (name, teacher) in [("far", far), ("close", close), ("limited", limited)] {
      for temperature in [1, 2.5] {
        let student = twin(rows, columns, values)
        checkLoss("divergenceGradient, \(name), \(temperature)", student) {
          $0.divergenceGradient(
            teacher: teacher[keyPath: $1], inPlace: $2, temperature: temperature, scale: 0.3, into: $3)
        }
      }
    }
  }

  private func checkSparseDivergenceGradient(_ rows: Int, _ columns: Int) {
    for count in Set([1, min(8, columns), columns]).sorted() {
      var (ids, logarithms): ([Int32], [Float]) = ([], [])
      for _ in 0..<rows {
        ids += (0..<columns).shuffled(using: &generator).prefix(count).map { Int32($0) }
        let masses = generator.numbers(count + (count < columns ? 1 : 0), in: 0.01...1)
        let total = masses.reduce(0, +)
        logarithms += masses.prefix(count).map { Float(log($0 / total)) }
      }
      let teacher = SparseDistributions(count: count, ids: ids, logProbabilities: logarithms)
      let student = random(rows, columns, in: -5...5)
      checkLoss("divergenceGradient of \(count) known", student) { backend, _, student, losses in
        backend.divergenceGradient(teacher: teacher, inPlace: student, scale: 0.3, into: losses)
      }
    }
  }

  private func checkLoss(
    _ name: String, _ rows: Twin, _ operation: (any Backend, KeyPath<Twin, Tensor>, Tensor, Tensor) -> Void
  ) {
    let losses = memory(rows.expected.rows, 1)
    operation(backend, \.tested, rows.tested, losses.tested)
    operation(reference, \.expected, rows.expected, losses.expected)
    // The reference takes probabilities near 1 from each other, each off by half the last bit of a double; a loss is
    // that times the temperature's square.
    compare("\(name), losses", losses, tolerance: 5e-6, floor: 2e-15)
    compare(name, rows, tolerance: 5e-6, floor: 2e-15)
  }

  // MARK: Optimiser

  private func checkOptimizer() {
    let step = AdamStep(
      rate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, correction1: 0.19, correction2: 0.0975,
      gradientScale: 0.5)
    for (rows, columns) in [(1, 1), (3, 65), (37, 1000)] {
      let (parameters, gradient) = (random(rows, columns), random(rows, columns))
      let (mean, variance) = (random(rows, columns), random(rows, columns, in: 0...1))
      backend.adamStep(
        step, parameters: parameters.tested, gradient: gradient.tested, mean: mean.tested, variance: variance.tested)
      reference.adamStep(
        step, parameters: parameters.expected, gradient: gradient.expected, mean: mean.expected,
        variance: variance.expected)
      for (name, twin) in [("parameters", parameters), ("mean", mean), ("variance", variance)] {
        compare("adamStep, \(name)", twin, tolerance: 1e-6)
      }
      let (found, expected) = (backend.sumOfSquares(gradient.tested), reference.sumOfSquares(gradient.expected))
      if !(abs(found - expected) <= 1e-12 * expected) { note("sumOfSquares: \(found) instead of \(expected)") }
    }
  }
}
