import HybridizeCore

/// Parameters as a backend has prepared them: the file's own bytes where the kernels read that type, a converted copy
/// elsewhere.
public final class Weight: Sendable {
  /// Outputs; 1 for a vector.
  public let rows: Int
  /// Inputs, or the length of a vector.
  public let columns: Int
  /// The form in which the kernels read it.
  public let format: WeightFormat
  package let storage: Storage

  package init(rows: Int, columns: Int, format: WeightFormat, storage: Storage) {
    self.rows = rows
    self.columns = columns
    self.format = format
    self.storage = storage
  }

  /// Bytes that one pass over the weight reads.
  public var byteCount: Int { storage.byteCount }
}

/// How the elements of a weight are stored.
public enum WeightFormat: Sendable, Equatable {
  case plain(ElementType)
  case quantized(QuantizedType)
}

/// Weights as small integers with a common scale: less to read a token, for some loss.
///
/// Blocks of 32 along a row, each with a float16 scale; the layouts are those of GGUF files.
public enum QuantizedType: String, Sendable, CaseIterable {
  /// `scale * integer` from -127 to 127: 8.5 bits a weight.
  case eightBit = "q8_0"
  /// `scale * integer` from -8 to 7: 4.5 bits a weight.
  case fourBit = "q4_0"

  /// Weights that share a scale; rows must be whole blocks.
  public static let blockSize = 32
}

/// What quantising has changed, over one weight or several.
public struct QuantizationError: Sendable, Equatable {
  public private(set) var squaredError = 0.0
  public private(set) var squares = 0.0
  /// The largest change of a weight.
  public private(set) var largest = 0.0

  public init() {}

  package init(squaredError: Double, squares: Double, largest: Double) {
    self.squaredError = squaredError
    self.squares = squares
    self.largest = largest
  }

  /// `|quantised - original| / |original|`, Euclidean norms; 0 for weights of zeros.
  public var relative: Double { squaredError == 0 ? 0 : (squaredError / squares).squareRoot() }

  public mutating func add(_ other: QuantizationError) {
    squaredError += other.squaredError
    squares += other.squares
    largest = other.largest <= largest ? largest : other.largest
  }
}
