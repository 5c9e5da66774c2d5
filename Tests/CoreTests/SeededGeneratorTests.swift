import HybridizeCore
import Testing

@Suite("the seeded generator")
struct SeededGeneratorTests {
  /// From an independent implementation of FNV-1a, SplitMix64 and xoshiro256**.
  @Test(
    "gives the same numbers everywhere",
    arguments: [
      (0, "", [0x2138_2ef0_92ed_7068, 0x5b54_c052_757a_df62, 0xa64c_b2cf_6879_5072, 0xd35c_15d5_9620_35af]),
      (1, "", [0x2016_3e00_ad83_02a6, 0x7709_0eb9_91ee_aebf, 0x6be0_f3f8_158c_6adb, 0x6ccd_003c_5330_0296]),
      (
        42, "model.embed_tokens.weight",
        [0x10df_ab58_a28a_bbd6, 0x5fef_895c_5ea6_ae28, 0x45e5_2e2a_e6d6_ea6e, 0xe509_83e4_b7db_9e49]
      ),
      (.max, "é", [0x195f_f500_6efa_dec9, 0xc78c_403d_c7ba_dfdf, 0x1002_14fa_2806_7a25, 0xdff1_a7f9_7980_5ddb]),
    ] as [(UInt64, String, [UInt64])])
  func knownAnswers(_ seed: UInt64, _ stream: String, _ expected: [UInt64]) {
    var random = SeededGenerator(seed: seed, stream: stream)
    #expect((0..<4).map { _ in random.next() } == expected)
  }

  @Test("derives unit numbers and indices from them")
  func derived() {
    var random = SeededGenerator(seed: 1)
    #expect(random.unit() == 0.125_339_389_005_159_06)
    var other = SeededGenerator(seed: 7)
    #expect((0..<8).map { _ in other.index(below: 10) } == [6, 3, 4, 6, 6, 1, 7, 7])
  }

  @Test("stays in its ranges and reaches all of them")
  func ranges() {
    var random = SeededGenerator(seed: 3, stream: "ranges")
    var counts = [Int](repeating: 0, count: 7)
    var sum = 0.0
    for _ in 0..<70_000 {
      counts[random.index(below: 7)] += 1
      let value = random.uniform(-2, 4)
      #expect(value >= -2 && value < 4)
      sum += value
    }
    // Standard deviations: 93 for a count, 0.0065 for the mean. Five of them.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 465 })
    #expect(abs(sum / 70_000 - 1) < 0.033)
    #expect(random.index(below: 1) == 0)
  }

  /// From an independent implementation of the same.
  @Test("samples the same elements everywhere, each at most once, every order alike")
  func samples() {
    var random = SeededGenerator(seed: 7)
    #expect(random.sample(4, of: Array("abcdefgh")) == Array("edag"))
    #expect(random.sample(0, of: [1, 2]) == [] && random.sample(0, of: [Int]()) == [])
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 { counts[random.sample(3, of: [0, 1, 2, 3]), default: 0] += 1 }
    #expect(counts.count == 24 && counts.keys.allSatisfy { Set($0).count == 3 })
    // The standard deviation is 31. Five of them.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 155 })
  }

  @Test("an empty range is a mistake of the program")
  func emptyRange() async {
    await #expect(processExitsWith: .failure) {
      var random = SeededGenerator(seed: 0)
      _ = random.index(below: 0)
    }
  }
}
