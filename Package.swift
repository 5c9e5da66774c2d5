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
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),

    // The house, from the floor up. Nothing imports what stands above it.
    room("Core", uses: []),
    room("Formats", uses: ["HybridizeCore", "CCrypto", "CHDF5", "CZlib", "CZstd"]),
    room("Compute", uses: ["HybridizeCore", "CKernels", "COpenBLAS"]),
    room("Runtime", uses: ["HybridizeCore", "HybridizeFormats", "HybridizeCompute"]),
    room("Evaluation", uses: ["HybridizeRuntime"]),
    room("Convert", uses: ["HybridizeEvaluation"]),
    room("Distill", uses: ["HybridizeConvert"]),
    .executableTarget(
      name: "hybridize",
      dependencies: [
        "HybridizeDistill", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/hybridize", swiftSettings: strict),

    // Tests.
    .target(
      name: "TestSupport", dependencies: ["HybridizeConvert"], path: "Tests/Support", swiftSettings: strict),
    tests("CoreTests", uses: ["HybridizeCore"]),
    tests("FormatsTests", uses: ["HybridizeFormats"]),
    tests("ComputeTests", uses: ["HybridizeCompute"]),
    tests("RuntimeTests", uses: ["HybridizeRuntime"]),
    tests("EvaluationTests", uses: ["HybridizeEvaluation"]),
    tests("ConvertTests", uses: ["HybridizeConvert"]),
    tests("RecipeTests", uses: ["HybridizeConvert"]),
    tests("HouseTests", uses: []),
    tests("DistillTests", uses: ["HybridizeDistill"]),
    tests("CommandTests", uses: ["hybridize", "HybridizeFormats"]),
  ]
)
