import HybridizeCompute
import HybridizeCore

/// A backend beside the reference: the same operands on both, and a list of what came out different.
package final class BackendComparison {
  package let backend: any Backend
  package let reference: any Backend
  package private(set) var mismatches: [String] = []
  package var generator: SeededGenerator
  private let seed: UInt64

  package init(_ backend: any Backend, against reference: any Backend, seed: UInt64) {
    self.backend = backend
    self.reference = reference
    self.seed = seed
    generator = SeededGenerator(seed: seed)
  }

  /// A tensor on both backends.
  package struct Twin {
    package let tested: Tensor
    package let expected: Tensor

    package func rows(_ range: Range<Int>) -> Twin {
      Twin(tested: tested.rows(range), expected: expected.rows(range))
    }
  }

  /// A weight on both backends.
  package struct WeightTwin {
    package let tested: Weight
    package let expected: Weight
  }

  // MARK: Operands

  /// Random values, single precision on both sides.
  package func random(_ rows: Int, _ columns: Int, in range: ClosedRange<Double> = -1...1) -> Twin {
    let values = (0..<rows * columns).map { _ in
      Double(Float(generator.uniform(range.lowerBound, range.upperBound)))
    }
    return twin(rows, columns, values)
  }

  package func twin(_ rows: Int, _ columns: Int, _ values: [Double]) -> Twin {
    let twin = memory(rows, columns)
    backend.write(values, to: twin.tested)
    reference.write(values, to: twin.expected)
    return twin
  }

  /// Memory full of NaN: what an operation does not write, or reads before it writes, shows.
  package func memory(_ rows: Int, _ columns: Int) -> Twin {
    let twin = Twin(
      tested: backend.makeTensor(rows: rows, columns: columns),
      expected: reference.makeTensor(rows: rows, columns: columns))
    backend.fill(twin.tested, with: .nan)
    reference.fill(twin.expected, with: .nan)
    return twin
  }

  package func weight(
    _ shape: Shape, _ type: ElementType, in range: ClosedRange<Double> = -1...1
  ) throws(HybridizeError) -> WeightTwin {
    let values = (0..<(try shape.elementCount())).map { _ in generator.uniform(range.lowerBound, range.upperBound) }
    let stored = StoredTensor(encoding: values, as: type, shape: shape)
    return WeightTwin(tested: try backend.prepare(stored), expected: try reference.prepare(stored))
  }

  // MARK: Judgement

  package func note(_ mismatch: String) { mismatches.append("\(mismatch), seed \(seed)") }

  /// Notes where the two sides differ by more than `tolerance` of the element and the tensor's typical size, and more
  /// than `floor`, what the reference itself is off by.
  package func compare(_ what: String, _ twin: Twin, tolerance: Double, floor: Double = 0) {
    let found = backend.read(twin.tested)
    let expected = reference.read(twin.expected)
    let typical = (expected.reduce(0) { $0 + $1 * $1 } / Double(max(expected.count, 1))).squareRoot()
    let wrong = found.indices.filter { index in
      // Written so that NaN is a difference.
      !(abs(found[index] - expected[index]) <= tolerance * (abs(expected[index]) + typical) + floor)
    }
    guard let first = wrong.first else { return }
    mismatches.append(
      """
      \(what) [\(twin.tested.rows), \(twin.tested.columns)], seed \(seed): \(wrong.count) of \(found.count) differ, \
      first at \(first): \(found[first]) instead of \(expected[first])
      """)
  }
}

extension StoredTensor {
  /// A tensor of F32, BF16, F16 or F64 with the nearest values.
  package init(encoding values: [Double], as type: ElementType, shape: Shape, name: String = "test") {
    let width = type.bitsPerElement / 8
    let owner = OwnedBytes(count: values.count * width)
    for (index, value) in values.enumerated() {
      switch type {
      case .float64: owner.bytes.storeBytes(of: value, toByteOffset: index * width, as: Double.self)
      case .float32: owner.bytes.storeBytes(of: Float(value), toByteOffset: index * width, as: Float.self)
      case .float16: owner.bytes.storeBytes(of: Self.half(value), toByteOffset: index * width, as: UInt16.self)
      case .bfloat16:
        let bits = Float(value).bitPattern
        let rounded = UInt16(truncatingIfNeeded: (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
        owner.bytes.storeBytes(of: rounded, toByteOffset: index * width, as: UInt16.self)
      default: preconditionFailure("no encoding of \(type.rawValue)")
      }
    }
    self.init(name: name, elementType: type, shape: shape, bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }

  /// The binary16 nearest to a value of magnitude below 65504, ties to even.
  private static func half(_ value: Double) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let magnitude = value.magnitude
    // Below 2^-14 the spacing stays that of 2^-14; bits then count multiples of the spacing.
    let exponent = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
    let steps = (magnitude / Double(sign: .plus, exponent: exponent - 10, significand: 1)).rounded(.toNearestOrEven)
    return sign + UInt16(exponent + 14) << 10 + UInt16(steps)
  }
}
