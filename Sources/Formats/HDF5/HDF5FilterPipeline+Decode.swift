import CZlib
import CZstd
import HybridizeCore

extension HDF5FilterPipeline {
  /// Undoes the filters on one chunk, the last one first.
  ///
  /// - Parameters:
  ///   - stored: the bytes of the chunk in the file.
  ///   - mask: a set bit says that the filter of that place was skipped.
  ///   - count: bytes of the chunk when nothing is left to undo. No output is ever larger, but for checksums.
  /// - Throws: `.hdf5BadChunk`, `.hdf5Checksum`.
  func decode(_ stored: [UInt8], mask: Int, count: Int) throws(HybridizeError) -> [UInt8] {
    let applied = filters.indices.filter { mask >> $0 & 1 == 0 }
    var bytes = stored
    for place in applied.reversed() {
      // What stood before this filter: the chunk, and a checksum for each filter before it that adds one.
      let checksums = applied.count { $0 < place && filters[$0] == .fletcher32 }
      let expected = count + 4 * checksums
      switch filters[place] {
      case .deflate: bytes = try Self.inflate(bytes, count: expected)
      case .zstandard: bytes = try Self.decompress(bytes, count: expected)
      case .lzf: bytes = try LZF.decompress(bytes, count: expected)
      case .shuffle(let size): bytes = Self.unshuffle(bytes, elementSize: size)
      case .fletcher32: try Self.removeChecksum(&bytes)
      }
    }
    guard bytes.count == count else {
      throw HybridizeError(.hdf5BadChunk, expected: "\(count) bytes", found: "\(bytes.count) bytes")
    }
    return bytes
  }

  private static func inflate(_ bytes: [UInt8], count: Int) throws(HybridizeError) -> [UInt8] {
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var length = uLongf(count)
      status = uncompress(buffer.baseAddress, &length, bytes, uLong(bytes.count))
      filled = status == Z_OK ? min(Int(length), count) : 0
    }
    guard status == Z_OK else {
      let found = status == Z_BUF_ERROR ? "more or fewer than \(count) bytes" : "a damaged stream (zlib: \(status))"
      throw HybridizeError(.hdf5BadChunk, expected: "a zlib stream of \(count) bytes", found: found)
    }
    return output
  }

  private static func decompress(_ bytes: [UInt8], count: Int) throws(HybridizeError) -> [UInt8] {
    var result = 0
    let output = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      result = ZSTD_decompress(buffer.baseAddress, count, bytes, bytes.count)
      filled = ZSTD_isError(result) == 0 ? min(result, count) : 0
    }
    guard ZSTD_isError(result) == 0 else {
      throw HybridizeError(
        .hdf5BadChunk, expected: "a Zstandard frame of \(count) bytes",
        found: String(cString: ZSTD_getErrorName(result)))
    }
    return output
  }

  /// Bytes that do not fill an element stay at the end, as the filter leaves them.
  private static func unshuffle(_ bytes: [UInt8], elementSize: Int) -> [UInt8] {
    let count = bytes.count / elementSize
    guard elementSize > 1, count > 1 else { return bytes }
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { output, filled in
      bytes.withUnsafeBufferPointer { input in
        switch elementSize {
        case 2: interleave(input, output, planes: 2, count)
        case 4: interleave(input, output, planes: 4, count)
        default: interleave(input, output, planes: elementSize, count)
        }
        for index in count * elementSize..<bytes.count { output[index] = input[index] }
      }
      filled = bytes.count
    }
  }

  /// Inlined with a constant number of planes this is several times as fast.
  @inline(__always)
  private static func interleave(
    _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>, planes: Int, _ count: Int
  ) {
    for index in 0..<count {
      // In bounds: `planes * count` is at most the size of both.
      for plane in 0..<planes { output[index * planes + plane] = input[plane * count + index] }
    }
  }

  private static func removeChecksum(_ bytes: inout [UInt8]) throws(HybridizeError) {
    guard bytes.count >= 4 else {
      throw HybridizeError(.hdf5BadChunk, expected: "a checksum of 4 bytes", found: "\(bytes.count) bytes")
    }
    let stored = bytes.suffix(4).reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    bytes.removeLast(4)
    let computed = bytes.withUnsafeBytes(HDF5Checksum.fletcher32)
    guard stored == computed else {
      throw HybridizeError(
        .hdf5Checksum, expected: String(computed, radix: 16), found: String(stored, radix: 16) + " (Fletcher-32)")
    }
  }
}
