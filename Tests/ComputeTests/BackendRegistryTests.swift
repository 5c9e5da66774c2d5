import HybridizeCompute
import HybridizeCore
import Testing

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
}
