import HybridizeCore
import HybridizeFormats

/// Builds the bytes of safetensors files, right and wrong.
enum SafetensorsBytes {
  /// A file with this header text, `dataSize` bytes of data that count up, and a length that may be wrong.
  static func file(_ header: [UInt8], dataSize: Int = 0, length: UInt64? = nil) -> [UInt8] {
    prefix(length ?? UInt64(header.count)) + header + (0..<dataSize).map { UInt8(truncatingIfNeeded: $0) }
  }

  static func file(_ header: String, dataSize: Int = 0, length: UInt64? = nil) -> [UInt8] {
    file(Array(header.utf8), dataSize: dataSize, length: length)
  }

  /// Eight bytes, little-endian.
  static func prefix(_ length: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
  }

  /// A tensor's value in the header.
  static func tensor(_ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
  }
}

extension TensorReader {
  /// All bytes of a tensor. The tensor may be all that holds them, so it has to outlive the copying.
  func bytes(_ name: String) throws -> [UInt8] {
    try withExtendedLifetime(tensor(named: name)) { Array($0.bytes) }
  }
}
