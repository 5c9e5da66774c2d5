import HybridizeCompute

/// How a model is held in memory.
public struct LoadOptions: Sendable {
  /// Matrices as small integers; `nil` leaves weights in the file's type.
  public var quantized: QuantizedType?
  /// How keys and values are stored.
  public var cacheType: CacheType

  public init(quantized: QuantizedType? = nil, cacheType: CacheType = .full) {
    self.quantized = quantized
    self.cacheType = cacheType
  }
}

/// What quantising a model's matrices has changed.
public struct QuantizationReport: Sendable {
  public let type: QuantizedType
  /// Over all quantised weights.
  public internal(set) var error = QuantizationError()
  /// Tensors that were quantised, with the error of each.
  public internal(set) var tensors: [(name: String, error: QuantizationError)] = []
  /// Matrices that stayed as they were: their rows are no whole blocks, or too few to be worth it.
  public internal(set) var left: [String] = []
}

/// What loading a model's weights adds up to.
final class LoadTally {
  /// In the order in which they were loaded.
  var weights: [Weight] = []
  var quantization: QuantizationReport?
  /// Where those go that are trained.
  let parameters: TrainedParameters?

  init(_ options: LoadOptions, training parameters: TrainedParameters? = nil) {
    quantization = options.quantized.map { QuantizationReport(type: $0) }
    self.parameters = parameters
  }
}
