import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("a header with very many tensors")
struct ManyTensorsTests {
  @Test("finds every tensor by its name, in whatever order the data lies")
  func many() throws {
    let directory = TemporaryDirectory()
    let count = 30_000
    for isReversed in [false, true] {
      let members = (0..<count).map { index in
        let place = isReversed ? count - 1 - index : index
        return "\"layer.\(index).w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\(place),\(place + 1)]}"
      }
      let header = Array("{\(members.joined(separator: ","))}".utf8)
      let data = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      let path = directory.write(
        "\(isReversed).safetensors", SafetensorsBytes.prefix(UInt64(header.count)) + header + data)
      let reader = try SafetensorsReader(path)
      #expect(reader.tensors.count == count)
      for index in stride(from: 0, to: count, by: 7) {
        let place = isReversed ? count - 1 - index : index
        #expect(try reader.bytes("layer.\(index).w") == [UInt8(truncatingIfNeeded: place)])
      }
      #expect(reader.descriptor(named: "layer.\(count).w") == nil)
    }
  }
}
