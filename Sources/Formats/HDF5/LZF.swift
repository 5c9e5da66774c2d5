import HybridizeCore

/// The LZF compression of h5py: runs of literal bytes and copies of what came before.
///
/// A control byte below 32 stands before one byte more than it says. Any other has a length in its upper three bits (7: the
/// next byte is added) and with the byte after that a distance of 13 bits; a copy has two bytes more than its length, from one
/// byte more than its distance before. (LibLZF, M. Lehmann.)
package enum LZF {
  /// Decompresses into exactly `count` bytes. Every read and write is within bounds that are checked before it.
  ///
  /// - Throws: `.hdf5BadChunk`.
  package static func decompress(_ bytes: [UInt8], count: Int) throws(HybridizeError) -> [UInt8] {
    var isSound = false
    let output = [UInt8](unsafeUninitializedCapacity: count) { output, filled in
      let written = bytes.withUnsafeBufferPointer { decode($0, into: output, count: count) }
      isSound = written == count
      filled = written ?? 0
    }
    guard isSound else {
      throw HybridizeError(
        .hdf5BadChunk, expected: "an LZF stream of \(count) bytes",
        found: "a damaged stream, or another number of bytes")
    }
    return output
  }

  /// - Returns: how many bytes were written; `nil` if the stream is damaged.
  private static func decode(
    _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>, count: Int
  ) -> Int? {
    var (place, written) = (0, 0)
    while place < input.count {
      let control = Int(input[place])
      place += 1
      if control < 32 {
        let length = control + 1
        guard length <= input.count - place, length <= count - written else { return nil }
        for index in 0..<length { output[written + index] = input[place + index] }
        (place, written) = (place + length, written + length)
        continue
      }
      var length = control >> 5
      if length == 7 {
        guard place < input.count else { return nil }
        length += Int(input[place])
        place += 1
      }
      guard place < input.count else { return nil }
      let distance = (control & 31) << 8 + Int(input[place]) + 1
      place += 1
      length += 2
      guard distance <= written, length <= count - written else { return nil }
      // Byte by byte: a copy may overlap what it makes.
      for index in written..<written + length { output[index] = output[index - distance] }
      written += length
    }
    return written
  }
}
