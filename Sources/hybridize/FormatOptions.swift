import ArgumentParser
import HybridizeConvert
import HybridizeFormats

/// What weights are written as.
struct FormatOptions: ParsableArguments {
  enum Name: String, ExpressibleByArgument, CaseIterable {
    case safetensors
    case zstd = "safetensors.zst"
  }

  @Option(help: "What weights are written as.")
  var format = Name.safetensors

  @Option(help: "Level of zstd, 1 to 19; weights gain next to nothing above 1.")
  var level = 1

  @Flag(help: "Put like bytes together before compressing: smaller, and read by Hybridize alone.")
  var shuffle = false

  func validate() throws {
    guard ZstdOptions.levels.contains(level) else { throw ValidationError("--level must be from 1 to 19") }
    guard format == .zstd || level == 1 && !shuffle else {
      throw ValidationError("--level and --shuffle need --format safetensors.zst")
    }
  }

  func chosen(threads: Int) -> OutputFormat {
    switch format {
    case .safetensors: .safetensors
    case .zstd: .zstd(ZstdOptions(level: level, threads: threads, isShuffled: shuffle))
    }
  }
}
