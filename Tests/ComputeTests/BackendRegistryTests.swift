import HybridizeCompute
import HybridizeCore
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("backend registry")
struct BackendRegistryTests {
  @Test("every registered backend can be made and bears its name", arguments: BackendRegistry.names)
  func backendsBearTheirNames(_ name: String) throws {
    #expect(try BackendRegistry.make(name, threads: 1).name == name)
  }

  @Test("an unknown name is an error that lists the known ones")
  func unknownName() {
    #expect { try BackendRegistry.make("abacus", threads: 1) } throws: {
      let error = $0 as? HybridizeError
      return error?.problem == .badArgument && error?.found == "abacus"
        && error?.expected == "a backend: cpu, reference"
    }
  }

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
}
