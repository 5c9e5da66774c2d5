import ArgumentParser
import HybridizeConvert
import HybridizeFormats

/// What weights are written as.
struct FormatOptions: ParsableArguments {
  enum Name: String, ExpressibleByArgument, CaseIterable {
    case safetensors
    case zstd = "safetensors.zst"
    case hdf5
  }

  enum Compression: String, ExpressibleByArgument, CaseIterable {
    case none
    case deflate
    case zstd
  }

  @Option(help: "What weights are written as.")
  var format = Name.safetensors

  @Option(
    help: """
      How they lie in HDF5: flat (any model, read by Hybridize and h5py), or as Transformers' TensorFlow classes, Keras 2, \
      Keras 3, a .keras archive or a KerasHub preset have them, for unconverted models.
      """)
  var layout = HDF5Options.Layout.flat

  @Option(help: "What packs the data of HDF5.")
  var compression = Compression.none

  @Option(help: "Level of the compression: zstd 1 to 19, deflate 1 to 9; weights gain next to nothing above 1.")
  var level = 1

  @Flag(help: "Put like bytes together before compressing safetensors: smaller, and read by Hybridize alone.")
  var shuffle = false

  func validate() throws {
    guard (format == .hdf5 && compression == .deflate ? 1...9 : ZstdOptions.levels).contains(level) else {
      throw ValidationError("--level must be from 1 to 19 for zstd, to 9 for deflate")
    }
    guard format == .hdf5 || layout == .flat && compression == .none else {
      throw ValidationError("--layout and --compression need --format hdf5")
    }
    guard format == .zstd || !shuffle else { throw ValidationError("--shuffle needs --format safetensors.zst") }
    guard format == .zstd || compression != .none || level == 1 else {
      throw ValidationError("--level needs something that compresses")
    }
  }

  func chosen(threads: Int) -> OutputFormat {
    switch format {
    case .safetensors: .safetensors
    case .zstd: .zstd(ZstdOptions(level: level, threads: threads, isShuffled: shuffle))
    case .hdf5: .hdf5(HDF5Options(layout: layout, compression: packing))
    }
  }

  private var packing: HDF5Options.Compression {
    switch compression {
    case .none: .none
    case .deflate: .deflate(level: level)
    case .zstd: .zstandard(level: level)
    }
  }
}

extension HDF5Options.Layout: ExpressibleByArgument {}
