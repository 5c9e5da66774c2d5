import HybridizeCore

/// How an HDF5 checkpoint is to be written.
public struct HDF5Options: Sendable, Equatable {
  /// The ways in which a checkpoint can lie in HDF5, by what reads it.
  public enum Layout: String, Sendable, CaseIterable {
    /// Our own: one dataset a tensor under its own name, whatever the model, with metadata.
    case flat
    /// `tf_model.h5` of the TensorFlow classes that Transformers had up to release 4: GPT-2 and Mistral.
    case tensorFlow = "tensorflow"
    /// What Keras 2 saved: lists of names, weights as they are.
    case keras2
    /// `.weights.h5` of Keras 3 for a model of KerasHub.
    case keras3
    /// A `.keras` archive with the model and its weights, for a model of KerasHub.
    case kerasArchive = "keras"
    /// A preset of KerasHub: a directory with the weights and their configuration.
    case kerasHub = "kerashub"

    /// How the file is usually called.
    public var fileName: String {
      switch self {
      case .flat, .keras2: "model.h5"
      case .tensorFlow: "tf_model.h5"
      case .keras3, .kerasHub: "model.weights.h5"
      case .kerasArchive: "model.keras"
      }
    }

    /// Weights are named and shaped by a model of KerasHub, which the configuration tells.
    public var needsConfiguration: Bool {
      switch self {
      case .flat, .tensorFlow, .keras2: false
      case .keras3, .kerasArchive, .kerasHub: true
      }
    }
  }

  /// What packs the data. TensorFlow and Keras themselves write it plain.
  public enum Compression: Sendable, Equatable {
    case none
    /// Every reader has it. Levels 1 to 9.
    case deflate(level: Int)
    /// Much faster, and packs more; programs that read with libhdf5 need its plugin for filter 32015, for instance
    /// from the Python package hdf5plugin. Levels 1 to 19.
    case zstandard(level: Int)
  }

  public var layout: Layout
  public var compression: Compression
  /// Sort the bytes of numbers by significance before they are packed, which makes weights smaller.
  public var shuffles: Bool
  /// Add a checksum to every chunk.
  public var hasChecksums: Bool
  /// Bytes of rows that are gathered to turn a matrix round. Smaller ones let tests see more than one block.
  package var blockBytes = 56 << 20

  /// - Precondition: the level is one that the compression has.
  public init(
    layout: Layout = .flat, compression: Compression = .none, shuffles: Bool = true, hasChecksums: Bool = false
  ) {
    switch compression {
    case .none: break
    case .deflate(let level): precondition((1...9).contains(level), "deflate has levels 1 to 9")
    case .zstandard(let level): precondition((1...19).contains(level), "Zstandard has levels 1 to 19")
    }
    self.layout = layout
    self.compression = compression
    self.shuffles = shuffles
    self.hasChecksums = hasChecksums
  }

  /// The filters of a dataset, in the order of writing; none where its data is to lie in one piece.
  func pipeline(elementSize: Int) -> HDF5FilterPipeline {
    var filters: [HDF5FilterPipeline.Filter] = []
    if compression != .none, shuffles, elementSize > 1 { filters.append(.shuffle(elementSize: elementSize)) }
    switch compression {
    case .none: break
    case .deflate: filters.append(.deflate)
    case .zstandard: filters.append(.zstandard)
    }
    if hasChecksums { filters.append(.fletcher32) }
    return HDF5FilterPipeline(filters)
  }

  var level: Int {
    switch compression {
    case .none: 0
    case .deflate(let level), .zstandard(let level): level
    }
  }
}
