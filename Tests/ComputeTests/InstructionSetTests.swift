import Foundation
import HybridizeCompute
import HybridizeCore
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("instruction sets")
struct InstructionSetTests {
  @Test("an instruction set that the machine lacks is an error")
  func missingInstructionSet() {
    for instructionSet in InstructionSet.allCases where !InstructionSet.available.contains(instructionSet) {
      #expect { try CPUBackend(threads: 1, instructionSet: instructionSet) } throws: {
        ($0 as? HybridizeError)?.problem == .badArgument
      }
    }
    #expect(InstructionSet.available.first == .portable)
  }

  @Test("HYBRIDIZE_ISA forces an instruction set, and a wrong name is an error")
  func environmentForces() async {
    await #expect(processExitsWith: .success) {
      setenv("HYBRIDIZE_ISA", "portable", 1)
      let forced = try CPUBackend(threads: 1)
      guard forced.instructionSet == .portable else { exit(1) }
      setenv("HYBRIDIZE_ISA", "abacus", 1)
      do {
        _ = try CPUBackend(threads: 1)
        exit(1)
      } catch let error as HybridizeError {
        guard error.problem == .badArgument, error.found == "abacus" else { exit(1) }
      }
    }
  }

  #if os(Linux) && arch(x86_64)
    @Test(
      "the choice is what the system says of the processor",
      .enabled(if: ProcessInfo.processInfo.environment[InstructionSet.environmentVariable] == nil))
    func choice() throws {
      let lines = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
      func value(_ name: String) -> String {
        let line = lines.first { $0.split(separator: ":")[0].trimmingCharacters(in: .whitespaces) == name }
        return line.map { $0.split(separator: ":", maxSplits: 1)[1].trimmingCharacters(in: .whitespaces) } ?? ""
      }
      let flags = Set(value("flags").split(separator: " "))
      let hasAVX2 = flags.isSuperset(of: ["avx2", "fma", "f16c"])
      let hasAVX512 = hasAVX2 && flags.isSuperset(of: ["avx512f", "avx512bw", "avx512vl", "avx512dq"])
      // Zen and Zen+; Zen 2 begins with model 48 of the same family.
      let takesHalves =
        try value("vendor_id") == "AuthenticAMD" && value("cpu family") == "23" && #require(Int(value("model"))) < 48
      let expected: InstructionSet = hasAVX512 ? .avx512 : hasAVX2 ? (takesHalves ? .avx2Halves : .avx2) : .portable
      #expect(try CPUBackend(threads: 1).instructionSet == expected)
    }
  #endif
}
