/// Random numbers that are the same on every machine for the same seed and stream name.
///
/// xoshiro256** (Blackman and Vigna, 2018) seeded through SplitMix64. A stream name, for instance a tensor's,
/// makes draws independent of the order in which tensors are made.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  public init(seed: UInt64, stream: String = "") {
    // FNV-1a of the name; the wrapping product is the definition of that hash.
    var mixed = stream.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    mixed ^= seed
    func next() -> UInt64 {
      mixed &+= 0x9e37_79b9_7f4a_7c15  // SplitMix64 works modulo 2^64
      var z = mixed
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
    state = (next(), next(), next(), next())
  }

  public mutating func next() -> UInt64 {
    func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
    let result = rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotate(state.3, 45)
    return result
  }

  /// Uniform in `[0, 1)`, 53 bits.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in `[low, high)`.
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

  /// Uniform in `0 ..< bound`.
  ///
  /// - Precondition: `bound > 0`.
  public mutating func index(below bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no index")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// So many of the elements, each at most once, in random order: all of them shuffled if `count` is their number.
  ///
  /// - Precondition: there are that many.
  public mutating func sample<Element>(_ count: Int, of elements: [Element]) -> [Element] {
    precondition((0...elements.count).contains(count), "\(count) of \(elements.count) elements")
    var rest = elements
    // Fisher and Yates: each place gets one of those that no place before it has.
    for place in 0..<count { rest.swapAt(place, place + index(below: rest.count - place)) }
    rest.removeLast(rest.count - count)
    return rest
  }
}
