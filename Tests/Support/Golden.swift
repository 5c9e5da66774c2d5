import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Golden values and other expectations of `fixtures`, read by a reader of their own, so that a fault of the package's reader
/// cannot hide here. For trusted files: anything unexpected traps.
package struct Golden {
  package struct Entry {
    package let shape: [Int]
    package let values: [Double]
    package var integers: [Int] { values.map { Int($0) } }
  }

  package let entries: [String: Entry]

  /// Reads `fixtures/FOLDER/NAME.safetensors`.
  package init(_ name: String, in folder: String = "golden") throws {
    let bytes = try Self.contents(Fixtures.path("\(folder)/\(name).safetensors"))
    let headerLength = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONCursor.parse(Array(bytes[8..<8 + headerLength])).objectValue!
    var entries: [String: Entry] = [:]
    for (key, value) in header.members where key != "__metadata__" {
      let fields = value.objectValue!
      let offsets = fields["data_offsets"]!.arrayValue!.map { 8 + headerLength + $0.integerValue! }
      entries[key] = Entry(
        shape: fields["shape"]!.arrayValue!.map { $0.integerValue! },
        values: Self.values(bytes[offsets[0]..<offsets[1]], ElementType(rawValue: fields["dtype"]!.stringValue!)!))
    }
    self.entries = entries
  }

  package subscript(name: String) -> Entry { entries[name]! }

  /// The lists that stand end to end in `name`, cut at `name.offsets`.
  package func lists(_ name: String) -> [[Int]] {
    let values = self[name].integers
    let offsets = self[name + ".offsets"].integers
    return zip(offsets, offsets.dropFirst()).map { Array(values[$0..<$1]) }
  }

  private static func values(_ bytes: ArraySlice<UInt8>, _ type: ElementType) -> [Double] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float64: (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
      case .float32: (0..<raw.count / 4).map { Double(raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)) }
      case .int32: (0..<raw.count / 4).map { Double(raw.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
      case .uint16: (0..<raw.count / 2).map { Double(raw.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) }
      case .uint8: raw.map { Double($0) }
      case .int64: (0..<raw.count / 8).map { Double(raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
      default: preconditionFailure("no golden values of type \(type.rawValue)")
      }
    }
  }

  private static func contents(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw HybridizeError(.unreadable, file: path) }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: size) { $1 = fread($0.baseAddress, 1, size, file) }
  }
}
