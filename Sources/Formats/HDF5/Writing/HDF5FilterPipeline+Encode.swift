import CZlib
import CZstd
import HybridizeCore

extension HDF5FilterPipeline {
  /// Applies the filters to one chunk. libhdf5 is not needed for it, nor a plugin.
  ///
  /// - Parameter level: of the compression.
  /// - Throws: `.hdf5CannotPack`.
  func encode(_ chunk: [UInt8], level: Int) throws(HybridizeError) -> [UInt8] {
    var bytes = chunk
    for filter in filters {
      switch filter {
      case .shuffle(let size): bytes = Self.shuffle(bytes, elementSize: size)
      case .deflate: bytes = try Self.deflate(bytes, level: level)
      case .zstandard: bytes = try Self.compress(bytes, level: level)
      case .lzf: preconditionFailure("LZF is read and not written")
      case .fletcher32:
        let checksum = bytes.withUnsafeBytes(HDF5Checksum.fletcher32)
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  /// The inverse of `unshuffle`.
  private static func shuffle(_ bytes: [UInt8], elementSize: Int) -> [UInt8] {
    let count = bytes.count / elementSize
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { output, filled in
      bytes.withUnsafeBufferPointer { input in
        switch elementSize {
        case 2: separate(input, output, planes: 2, count)
        case 4: separate(input, output, planes: 4, count)
        default: separate(input, output, planes: elementSize, count)
        }
      }
      filled = bytes.count
    }
  }

  /// Inlined with a constant number of planes this is several times as fast.
  @inline(__always)
  private static func separate(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>, planes: Int, _ count: Int
  ) {
    for index in 0..<count {
      // In bounds: chunks have whole elements.
      for plane in 0..<planes { output[plane * count + index] = input[index * planes + plane] }
    }
  }

  private static func deflate(_ bytes: [UInt8], level: Int) throws(HybridizeError) -> [UInt8] {
    var status = Z_OK
    let capacity = compressBound(uLong(bytes.count))
    let output = [UInt8](unsafeUninitializedCapacity: Int(capacity)) { buffer, filled in
      var length = uLongf(capacity)
      status = compress2(buffer.baseAddress, &length, bytes, uLong(bytes.count), Int32(level))
      filled = status == Z_OK ? Int(length) : 0
    }
    guard status == Z_OK else { throw HybridizeError(.hdf5CannotPack, found: "zlib error \(status)") }
    return output
  }

  private static func compress(_ bytes: [UInt8], level: Int) throws(HybridizeError) -> [UInt8] {
    var result = 0
    let capacity = ZSTD_compressBound(bytes.count)
    let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
      result = ZSTD_compress(buffer.baseAddress, capacity, bytes, bytes.count, Int32(level))
      filled = ZSTD_isError(result) == 0 ? result : 0
    }
    guard ZSTD_isError(result) == 0 else {
      throw HybridizeError(.hdf5CannotPack, found: String(cString: ZSTD_getErrorName(result)))
    }
    return output
  }
}

extension Problem {
  public static let hdf5CannotPack = Problem("hdf5CannotPack", .output, "a chunk cannot be compressed")
}
