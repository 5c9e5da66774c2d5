// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// A Swift module of the house. The folder has the plain name, the module the prefix: the toolchain has a
/// module `Runtime` already, and target names must be unique in a user's package graph.
func room(_ folder: String, uses dependencies: [Target.Dependency]) -> Target {
  .target(
    name: "Hybridize\(folder)", dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}

func tests(_ folder: String, uses dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: folder, dependencies: dependencies + ["TestSupport"], path: "Tests/\(folder)", swiftSettings: strict)
}

// What each room may use: all that stands below it, named one by one, as an import that no dependency names is not built
// anew when what it imports changes. Formats and Compute do not know each other.
let belowRuntime: [Target.Dependency] = ["HybridizeCore", "HybridizeFormats", "HybridizeCompute"]
let belowEvaluation = belowRuntime + ["HybridizeRuntime"]
let belowConvert = belowEvaluation + ["HybridizeEvaluation"]
let belowDistill = belowConvert + ["HybridizeConvert"]
let everyRoom = belowDistill + ["HybridizeDistill"]

let package = Package(
  name: "hybridize",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "hybridize", targets: ["hybridize"]),
    .library(name: "HybridizeFormats", targets: ["HybridizeCore", "HybridizeFormats"]),
    .library(name: "Hybridize", targets: ["HybridizeDistill"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    // C: hot loops and library shims.
    .target(name: "CKernels", cSettings: [.define("NDEBUG", .when(configuration: .release))]),
    .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CHDF5", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),
    .systemLibrary(
      name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
    // Its pkg-config file has a flag that SwiftPM warns of and that nothing needs.
    .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"]), .brew(["utf8proc"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),

    // The house, from the floor up. Nothing imports what stands above it.
    room("Core", uses: []),
    room("Formats", uses: ["HybridizeCore", "CCrypto", "CHDF5", "CZlib", "CZstd"]),
    room("Compute", uses: ["HybridizeCore", "CKernels", "COpenBLAS"]),
    room("Runtime", uses: belowRuntime + ["CPCRE2", "CUTF8Proc"]),
    room("Evaluation", uses: belowEvaluation),
    room("Convert", uses: belowConvert),
    room("Distill", uses: belowDistill),
    .executableTarget(
      name: "hybridize",
      dependencies: everyRoom + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Sources/hybridize", swiftSettings: strict),

    // Tests.
    .target(
      name: "FuzzSupport", dependencies: belowEvaluation, path: "Tests/Fuzz/Support",
      swiftSettings: strict),
    .executableTarget(
      name: "fuzz", dependencies: ["HybridizeCore", "HybridizeFormats", "FuzzSupport"], path: "Tests/Fuzz/Seeded",
      swiftSettings: strict),
    // What needs the upper rooms stands apart, so that tests of kernels and models are built without them.
    .target(
      name: "TestSupport", dependencies: belowConvert, path: "Tests/Support", exclude: ["Selection"],
      swiftSettings: strict),
    .target(
      name: "SelectionTestSupport", dependencies: everyRoom, path: "Tests/Support/Selection", swiftSettings: strict),
    tests("CoreTests", uses: ["HybridizeCore"]),
    tests("FormatsTests", uses: ["HybridizeCore", "HybridizeFormats"]),
    tests("ComputeTests", uses: ["HybridizeCore", "HybridizeCompute", "CKernels"]),
    tests("RuntimeTests", uses: belowEvaluation),
    tests("EvaluationTests", uses: belowConvert),
    tests("ConvertTests", uses: belowDistill),
    tests("RecipeTests", uses: everyRoom + ["SelectionTestSupport"]),
    tests("HouseTests", uses: []),
    tests("DistillTests", uses: everyRoom + ["SelectionTestSupport"]),
    tests("CommandTests", uses: ["hybridize"] + belowEvaluation),
  ]
)

// Some tests alone, with nothing that they do not need: HYBRIDIZE_TESTS=ComputeTests,CoreTests, as scripts/sanitize.sh has it.
if let names = Context.environment["HYBRIDIZE_TESTS"]?.split(separator: ",").map(String.init) {
  var needed: Set<String> = []
  func need(_ name: String) {
    guard needed.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { return }
    for case .byNameItem(let dependency, _) in target.dependencies { need(dependency) }
  }
  names.forEach(need)
  package.targets.removeAll { !needed.contains($0.name) }
  package.products = []
}

// libFuzzer needs flags that no package may ask of those who use it.
if Context.environment["HYBRIDIZE_LIBFUZZER"] != nil {
  let flags = ["-sanitize=fuzzer,address"]
  let watched: Set = ["HybridizeCore", "HybridizeFormats", "HybridizeRuntime", "FuzzSupport"]
  for target in package.targets where watched.contains(target.name) {
    target.swiftSettings = strict + [.unsafeFlags(flags)]
  }
  package.targets.append(
    .executableTarget(
      name: "libfuzzer", dependencies: ["HybridizeCore", "HybridizeFormats", "FuzzSupport"],
      path: "Tests/Fuzz/LibFuzzer", swiftSettings: strict + [.unsafeFlags(["-parse-as-library"] + flags)],
      linkerSettings: [.unsafeFlags(flags)]))
}
