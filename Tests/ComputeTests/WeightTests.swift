import HybridizeCompute
import HybridizeCore
import TestSupport
import Testing

@Suite("weights")
struct WeightTests {
  private let backends: [any Backend]

  init() throws { backends = [try CPUBackend(threads: 1), ReferenceBackend()] }

  @Test("bytes at odd addresses are read right", arguments: [ElementType.float32, .bfloat16, .float16, .float64])
  func misalignedBytes(_ type: ElementType) throws {
    let aligned = StoredTensor(encoding: (0..<12).map { Double($0) - 5 }, as: type, shape: [3, 4])
    let owner = OwnedBytes(count: aligned.bytes.count + 1)
    let odd = UnsafeMutableRawBufferPointer(rebasing: owner.bytes[1...])
    odd.copyMemory(from: aligned.bytes)
    let tensor = StoredTensor(
      name: "odd", elementType: type, shape: [3, 4], bytes: UnsafeRawBufferPointer(odd), owner: owner)
    for backend in backends {
      let out = backend.makeTensor(rows: 3, columns: 4)
      backend.embed([0, 1, 2], try backend.prepare(tensor), into: out)
      #expect(backend.read(out) == (0..<12).map { Double($0) - 5 })
    }
  }

  @Test("aligned bytes are used where they are, and their owner lives as long as the weight")
  func bytesInPlace() throws {
    let backend = try CPUBackend(threads: 1)
    weak var owner: OwnedBytes?
    var weight: Weight?
    do {
      let bytes = OwnedBytes(count: 16)
      bytes.bytes.initializeMemory(as: UInt8.self, repeating: 0)
      owner = bytes
      weight = try backend.prepare(
        StoredTensor(
          name: "w", elementType: .bfloat16, shape: [2, 4], bytes: UnsafeRawBufferPointer(bytes.bytes), owner: bytes))
    }
    owner?.bytes.storeBytes(of: 0x3F80, as: UInt16.self)
    let out = backend.makeTensor(rows: 1, columns: 4)
    backend.embed([0], try #require(weight), into: out)
    #expect(backend.read(out) == [1, 0, 0, 0])
    weight = nil
    #expect(owner == nil)
  }

  @Test("a weight may share a tensor's memory, which lives as long as the weight")
  func sharedMemory() throws {
    for backend in backends {
      weak var storage: Storage?
      var weight: Weight?
      do {
        let tensor = backend.makeTensor(rows: 5, columns: 2)
        backend.write((0..<10).map { Double($0) }, to: tensor)
        storage = tensor.storage
        weight = backend.weight(sharing: tensor.rows(1..<4))
        backend.fill(tensor.rows(2..<3), with: -1)
      }
      #expect(weight?.rows == 3 && weight?.columns == 2)
      #expect(weight?.byteCount == 6 * backend.activationType.bitsPerElement / 8)
      let out = backend.makeTensor(rows: 3, columns: 2)
      backend.embed([0, 1, 2], try #require(weight), into: out)
      #expect(backend.read(out) == [2, 3, -1, -1, 6, 7])
      #expect(storage != nil)
      weight = nil
      #expect(storage == nil)
    }
  }

  @Test("every bit pattern of a 16-bit type is widened right", arguments: [ElementType.bfloat16, .float16])
  func everyBitPattern(_ type: ElementType) throws {
    let owner = OwnedBytes(count: 1 << 17)
    for bits in 0..<1 << 16 { owner.bytes.storeBytes(of: UInt16(bits), toByteOffset: 2 * bits, as: UInt16.self) }
    let tensor = StoredTensor(
      name: "all", elementType: type, shape: [1 << 8, 1 << 8], bytes: UnsafeRawBufferPointer(owner.bytes),
      owner: owner)
    let rows = Array(0..<1 << 8)
    let reference = ReferenceBackend()
    let expected = reference.makeTensor(rows: 1 << 8, columns: 1 << 8)
    reference.embed(rows, try reference.prepare(tensor), into: expected)
    for instructionSet in InstructionSet.available {
      let backend = try CPUBackend(threads: 1, instructionSet: instructionSet)
      let out = backend.makeTensor(rows: 1 << 8, columns: 1 << 8)
      backend.embed(rows, try backend.prepare(tensor), into: out)
      let wrong = zip(backend.readFloats(out), reference.readFloats(expected)).filter {
        $0.bitPattern != $1.bitPattern && !($0.isNaN && $1.isNaN)
      }
      #expect(wrong.isEmpty)
    }
  }

  @Test("shapes: a vector is a row, a convolution kernel loses its middle")
  func shapes() throws {
    for backend in backends {
      for (shape, rows, columns) in [([6], 1, 6), ([2, 3], 2, 3), ([2, 1, 3], 2, 3)] as [(Shape, Int, Int)] {
        let stored = StoredTensor(encoding: [1, 2, 3, 4, 5, 6], as: .bfloat16, shape: shape)
        let weight = try backend.prepare(stored)
        #expect(weight.rows == rows && weight.columns == columns)
      }
    }
  }

  @Test("a weight of no rows is a weight", arguments: [[0], [0, 3], [3, 0]] as [Shape])
  func emptyWeights(_ shape: Shape) throws {
    for backend in backends {
      let weight = try backend.prepare(StoredTensor(encoding: [], as: .bfloat16, shape: shape))
      #expect(weight.rows * weight.columns == 0)
    }
  }

  @Test("float8 has torch's values, every one of them, as matrix and as vector", arguments: ["F8_E4M3", "F8_E5M2"])
  func float8(_ name: String) throws {
    let type = try #require(ElementType(rawValue: name))
    let expected = try Golden("float8")[name].values
    let codes = OwnedBytes(count: 256)
    for code in 0..<256 { codes.bytes[code] = UInt8(code) }
    for backend in backends {
      for shape in [[16, 16], [256], [16, 1, 16]] as [Shape] {
        let weight = try backend.prepare(
          StoredTensor(
            name: "w", elementType: type, shape: shape, bytes: UnsafeRawBufferPointer(codes.bytes), owner: codes))
        let rows = backend.makeTensor(rows: weight.rows, columns: weight.columns)
        backend.embed(Array(0..<weight.rows), weight, into: rows)
        for (code, value) in zip(expected, backend.readFloats(rows)).enumerated() {
          let (wanted, found) = (value.0, Double(value.1))
          #expect(wanted == found || wanted.isNaN && found.isNaN, "\(name) \(code): \(found), not \(wanted)")
          #expect(wanted.sign == found.sign || wanted.isNaN)
        }
      }
    }
  }

  @Test("other shapes are an error", arguments: [[], [2, 3, 1], [1, 1, 1, 6]] as [Shape])
  func wrongShapes(_ shape: Shape) throws {
    let count = try shape.elementCount()
    let stored = StoredTensor(encoding: [Double](repeating: 0, count: count), as: .float32, shape: shape)
    for backend in backends {
      #expect { try backend.prepare(stored) } throws: { ($0 as? HybridizeError)?.problem == .wrongShape }
    }
  }

  @Test("types that are not plain floating point are an error", arguments: [ElementType.int64, .float8E8M0, .bool])
  func unsupportedTypes(_ type: ElementType) throws {
    let owner = OwnedBytes(count: 4 * type.bitsPerElement / 8)
    let stored = StoredTensor(
      name: "w", elementType: type, shape: [2, 2], bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
    for backend in backends {
      #expect { try backend.prepare(stored) } throws: {
        let error = $0 as? HybridizeError
        return error?.problem == .unsupportedElementType && error?.tensor == "w" && error?.found == type.rawValue
      }
    }
  }
}
