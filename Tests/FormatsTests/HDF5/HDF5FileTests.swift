import HybridizeCore
import HybridizeFormats
import TestSupport
import Testing

@Suite("an HDF5 file")
struct HDF5FileTests {
  static let formats = ["old", "new"]

  @Test("holds numbers of all types in both byte orders", arguments: formats)
  func types(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("types-\(format).h5"))
    let expected: [(String, ElementType)] = [("f2", .float16), ("f4", .float32), ("f8", .float64)]
    for (seed, (name, type)) in expected.enumerated() {
      for order in ["little", "big"] {
        let dataset = try #require(file.object(at: "/\(order)/\(name)")?.dataset)
        #expect(dataset.elementType == type)
        #expect(dataset.shape == [3, 5])
        #expect(try file.numbers("/\(order)/\(name)") == HDF5Fixtures.values(seed, 15), "\(order) \(name)")
      }
    }
    let integers: [ElementType] = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]
    for (seed, type) in integers.enumerated() {
      let isSigned = seed < 4
      let values = HDF5Fixtures.values(seed, 7).map {
        min(127, max(isSigned ? -128 : 0, $0 * 64 + (isSigned ? 0 : 128)))
      }
      for order in ["little", "big"] {
        let path = "/\(order)/\(isSigned ? "i" : "u")\(type.bitsPerElement / 8)"
        #expect(file.object(at: path)?.dataset?.elementType == type)
        #expect(try file.numbers(path) == values, "\(path)")
      }
    }
  }

  @Test("holds bfloat16 in three forms", arguments: formats)
  func bfloat16(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("types-\(format).h5"))
    for name in ["float", "legacy", "keras"] {
      #expect(file.object(at: "/bfloat16_\(name)")?.dataset?.elementType == .bfloat16)
      #expect(try file.numbers("/bfloat16_\(name)") == HDF5Fixtures.values(3, 16), "\(name)")
    }
  }

  @Test("holds scalars, booleans, and datasets without elements or without stored data", arguments: formats)
  func others(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("types-\(format).h5"))
    #expect(file.object(at: "/bool")?.dataset?.elementType == .bool)
    #expect(try file.numbers("/bool") == [1, 0, 1])
    #expect(file.object(at: "/scalar")?.dataset?.shape == [])
    #expect(try file.numbers("/scalar") == [1.5])
    #expect(file.object(at: "/empty")?.dataset?.shape == [0, 4])
    #expect(try file.numbers("/empty") == [])
    #expect(file.object(at: "/null")?.dataset?.byteCount == 0)
    #expect(try file.numbers("/compact") == HDF5Fixtures.values(4, 6))
    #expect(try file.numbers("/never_written") == [2.5, 2.5, 2.5])
  }

  @Test("has contiguous data in place, and other data not")
  func views() throws {
    let file = try HDF5File(HDF5Fixtures.path("types-new.h5"))
    let plain = try #require(file.object(at: "/little/f4")?.dataset)
    let view = try #require(try file.view(plain))
    #expect(Array(view.bytes) == (try file.bytes(plain, 0..<60)))
    for name in ["/big/f4", "/compact", "/empty"] {
      #expect(try file.view(try #require(file.object(at: name)?.dataset)) == nil, "\(name)")
    }
  }

  @Test("has attributes of all kinds, few and many, small and large", arguments: formats)
  func attributes(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("attributes-\(format).h5"))
    let attributes = file.root.attributes
    #expect(attributes.string("variable") == "häßlich")
    #expect(attributes.strings("variable_list") == ["one", "", "drei"])
    #expect(attributes.strings("fixed") == ["a", "bcd", ""])
    #expect(attributes.string("fixed_one") == "backend")
    #expect(attributes.integer("integer") == -7)
    #expect(attributes["integers"] == .integers([1, 200, 3]))
    #expect(attributes.strings("empty_list") == [])
    #expect(attributes["float"] == .unsupported("numbers of type F64"))
    #expect(attributes.strings("pieces") == ["a", "b", "c"], "a list that Keras had to split")
    #expect(attributes.strings("missing") == nil)
    let many = try #require(file.object(at: "/many")).attributes
    for number in 0..<20 { #expect(many.integer("attribute\(number)") == number) }
    if format == "new" {
      #expect(many.string("large") == String(repeating: "x", count: 5000))
      #expect(many.string("huge") == String(repeating: "y", count: 70000))
    }
  }

  @Test("has groups with few and many links, hard and soft", arguments: formats)
  func groups(_ format: String) throws {
    let file = try HDF5File(HDF5Fixtures.path("groups-\(format).h5"))
    for number in 0..<40 {
      let name = number < 10 ? "group0\(number)" : "group\(number)"
      #expect(try file.numbers("/wide/\(name)/value") == [Double(number)])
    }
    let original = try #require(file.object(at: "/one/two/three"))
    for path in ["/hard", "/soft", "/one/relative", "/soft_group/two/three"] {
      #expect(file.object(at: path)?.address == original.address, "\(path)")
      #expect(try file.numbers(path) == [3])
    }
    #expect(file.objects.map(\.path).prefix(4) == ["/", "/hard", "/one", "/one/relative"])
    #expect(file.object(at: "/one/two")?.dataset == nil)
  }

  @Test("may begin after a user block")
  func userBlock() throws {
    let file = try HDF5File(HDF5Fixtures.path("user-block.h5"))
    #expect(try file.numbers("/value") == HDF5Fixtures.values(1, 4))
    let bytes = try HDF5Fixtures.bytes("user-block.h5")
    let directory = TemporaryDirectory()
    let longer = directory.write("longer.h5", [UInt8](repeating: 0x20, count: 7 * 1024) + bytes)
    #expect(try HDF5File(longer).numbers("/value") == HDF5Fixtures.values(1, 4), "a block that was added later")
  }
}
