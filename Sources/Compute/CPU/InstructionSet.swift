import CKernels
import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The vector instructions that the kernels of the CPU backend are written for, those of one architecture weakest
/// first.
public enum InstructionSet: String, Sendable, CaseIterable {
  /// Vectors of 128 bits as the compiler makes them for any machine of the architecture.
  case portable
  /// The same as `avx2`, but for products with quantised weights, which take 128 bits at a time: for processors that
  /// take a vector in two halves (Zen, Zen+).
  case avx2Halves = "avx2-halves"
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX-512 F, BW, VL and DQ.
  case avx512
  /// What every 64-bit ARM machine has: 128-bit vectors in 32 registers, fused multiply-add, float16 conversions.
  case neon

  /// The environment variable that forces one of them.
  public static let environmentVariable = "HYBRIDIZE_ISA"

  /// Those that this machine has, weakest first.
  public static var available: [InstructionSet] {
    allCases.filter { ck_kernels_of($0.level) != nil }
  }

  /// What is fastest on this machine.
  static var best: InstructionSet { allCases.first { $0.level == ck_best_level() } ?? .portable }

  /// The one to use: `HYBRIDIZE_ISA` if it is set, else the best of this machine.
  ///
  /// - Throws: `.badArgument` for a name that is none; whether the machine has it shows when it is used.
  static func chosen() throws(HybridizeError) -> InstructionSet {
    guard let value = getenv(environmentVariable) else { return best }
    let name = String(cString: value)
    guard let wanted = InstructionSet(rawValue: name) else {
      throw HybridizeError(
        .badArgument, expected: "\(environmentVariable) as one of \(list(allCases))", found: name)
    }
    return wanted
  }

  /// - Throws: `.badArgument` where the machine lacks the instructions.
  func kernels() throws(HybridizeError) -> UnsafePointer<ck_kernels> {
    guard let kernels = ck_kernels_of(level) else {
      throw HybridizeError(
        .badArgument, expected: "an instruction set of this machine: \(Self.list(Self.available))", found: rawValue)
    }
    return kernels
  }

  /// The kernels of a set, or of the one to use where none is given.
  ///
  /// - Throws: as `chosen` and as above.
  static func kernels(_ wanted: InstructionSet?) throws(HybridizeError) -> UnsafePointer<ck_kernels> {
    if let wanted { return try wanted.kernels() }
    return try chosen().kernels()
  }

  private var level: ck_level {
    switch self {
    case .portable: ck_level_portable
    case .avx2Halves: ck_level_avx2_halves
    case .avx2: ck_level_avx2
    case .avx512: ck_level_avx512
    case .neon: ck_level_neon
    }
  }

  private static func list(_ sets: [InstructionSet]) -> String {
    sets.map(\.rawValue).joined(separator: ", ")
  }
}
