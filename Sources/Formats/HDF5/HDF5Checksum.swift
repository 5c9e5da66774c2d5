/// The two checksums of the format.
package enum HDF5Checksum {
  /// Bob Jenkins' lookup3 (hashlittle, 2006) with initial value 0. Sums wrap: the hash is defined modulo 2^32.
  package static func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var a = 0xdead_beef &+ UInt32(truncatingIfNeeded: bytes.count)
    var b = a
    var c = a
    var index = bytes.startIndex
    func word(_ at: Int) -> UInt32 {
      var value: UInt32 = 0
      for place in 0..<4 where at + place < bytes.endIndex { value |= UInt32(bytes[at + place]) << UInt32(8 * place) }
      return value
    }
    func rotate(_ x: UInt32, _ k: UInt32) -> UInt32 { x << k | x >> (32 - k) }
    while bytes.endIndex - index > 12 {
      a &+= word(index)
      b &+= word(index + 4)
      c &+= word(index + 8)
      index += 12
      a = (a &- c) ^ rotate(c, 4)
      c &+= b
      b = (b &- a) ^ rotate(a, 6)
      a &+= c
      c = (c &- b) ^ rotate(b, 8)
      b &+= a
      a = (a &- c) ^ rotate(c, 16)
      c &+= b
      b = (b &- a) ^ rotate(a, 19)
      a &+= c
      c = (c &- b) ^ rotate(b, 4)
      b &+= a
    }
    guard index < bytes.endIndex else { return c }
    a &+= word(index)
    b &+= word(index + 4)
    c &+= word(index + 8)
    c = (c ^ b) &- rotate(b, 14)
    a = (a ^ c) &- rotate(c, 11)
    b = (b ^ a) &- rotate(a, 25)
    c = (c ^ b) &- rotate(b, 16)
    a = (a ^ c) &- rotate(c, 4)
    b = (b ^ a) &- rotate(a, 14)
    return (c ^ b) &- rotate(b, 24)
  }

  /// Fletcher's checksum over big-endian words of 16 bits, as the filter of that name stores it.
  static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var low: UInt32 = 0
    var high: UInt32 = 0
    func fold(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) + (sum >> 16) }
    var index = 0
    while index < bytes.count {
      // 360 words are the most that 32 bits can sum without a carry getting lost.
      let end = min(bytes.count, index + 720)
      while index < end {
        let second = index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0
        low &+= UInt32(bytes[index]) << 8 | second
        high &+= low
        index += 2
      }
      low = fold(low)
      high = fold(high)
    }
    return fold(high) << 16 | fold(low)
  }
}
