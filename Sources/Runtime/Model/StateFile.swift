import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// A decoding state on disk: what every layer keeps of a text, and the text's tokens, as a safetensors file.
///
/// The file belongs to one model with one set of weights on one kind of backend (`Model.fingerprint`).
public enum StateFile {
  static let version = "hybridize.state/1"

  /// Writes the state after the tokens `ids`. The file appears when it is complete.
  ///
  /// - Throws: `.outputExists`, `.cannotWrite`.
  /// - Precondition: the state has seen as many tokens, and is of this model.
  public static func write(
    _ state: DecodingState, of model: Model, ids: [Int], to path: String, replacing: Bool = false
  ) throws(HybridizeError) {
    precondition(state.position == ids.count, "\(ids.count) tokens for a state after \(state.position)")
    precondition(state.sessions.count == model.blocks.count, "a state of another model")
    var tensors = [StoredTensor(name: "ids", ids)]
    for (layer, session) in state.sessions.enumerated() {
      tensors += session.stored(tokens: state.position, memory: state.memory).map { $0.renamed(name($0.name, layer)) }
    }
    var descriptors: [TensorDescriptor] = []
    for tensor in tensors {
      descriptors.append(
        try TensorDescriptor(name: tensor.name, elementType: tensor.elementType, shape: tensor.shape))
    }
    let writer = try SafetensorsWriter(
      path, tensors: descriptors,
      metadata: [("format", version), ("fingerprint", model.fingerprint), ("length", "\(state.length)")],
      replacing: replacing)
    for descriptor in writer.tensors {
      for tensor in tensors where tensor.name == descriptor.name { try writer.write(tensor) }
    }
    _ = try writer.finish()
  }

  /// Reads a state back, with room for `capacity` tokens in all, or for those of the file if they are more.
  ///
  /// - Returns: the state and the tokens that it has seen.
  /// - Throws: `.wrongState` for a file of another model, other weights, or none of states; reading errors.
  public static func read(
    _ path: String, for model: Model, capacity: Int
  ) throws(HybridizeError) -> (state: DecodingState, ids: [Int]) {
    let reader = try SafetensorsReader(path)
    do throws(HybridizeError) {
      func check(_ name: String, _ expected: String) throws(HybridizeError) {
        let found = reader.metadata.first { $0.key == name }?.value
        guard found == expected else {
          throw HybridizeError(
            .wrongState, expected: "\(name) \(expected)", found: found ?? "none",
            remedy: "states go with the model, weights and options that they were made with")
        }
      }
      try check("format", version)
      try check("fingerprint", model.fingerprint)
      let ids = try ids(reader, vocabularySize: model.configuration.vocabularySize)
      // Memory follows the number of tokens, which a file of ids alone could claim.
      let limit = max(capacity, model.configuration.contextLength)
      guard ids.count <= limit else {
        throw HybridizeError(.wrongState, tensor: "ids", expected: "at most \(limit) tokens", found: "\(ids.count)")
      }
      let state = model.makeState(capacity: max(capacity, ids.count))
      var tensors: [Int: [String: StoredTensor]] = [:]
      for descriptor in reader.tensors {
        let parts = descriptor.name.split(separator: ".", maxSplits: 2)
        guard parts.count == 3, parts[0] == "layers", let layer = Int(parts[1]) else { continue }
        tensors[layer, default: [:]][String(parts[2])] = try reader.tensor(named: descriptor.name)
      }
      for (layer, session) in state.sessions.enumerated() {
        let stored = StoredState(tensors[layer] ?? [:], prefix: name("", layer))
        try session.restore(stored, tokens: ids.count, memory: state.memory)
      }
      state.position = ids.count
      // What is in the state was turned by the angles of that length.
      if let length = reader.metadata.first(where: { $0.key == "length" }).flatMap({ Int($0.value) }) {
        state.length = length
      }
      return (state, ids)
    } catch { throw error.inFile(path) }
  }

  private static func name(_ tensor: String, _ layer: Int) -> String { "layers.\(layer).\(tensor)" }

  private static func ids(_ reader: SafetensorsReader, vocabularySize: Int) throws(HybridizeError) -> [Int] {
    guard let descriptor = reader.descriptor(named: "ids"), descriptor.elementType == .int64,
      descriptor.shape.dimensions.count == 1
    else { throw HybridizeError(.wrongState, tensor: "ids", expected: "I64 token ids") }
    let tensor = try reader.tensor(named: "ids")
    let ids = (0..<tensor.bytes.count / 8).map {
      Int(Int64(littleEndian: tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)))
    }
    withExtendedLifetime(tensor) {}
    guard ids.allSatisfy({ (0..<vocabularySize).contains($0) }) else {
      throw HybridizeError(.wrongState, tensor: "ids", expected: "ids below \(vocabularySize)")
    }
    return ids
  }
}

extension StoredTensor {
  /// Token ids as int64.
  fileprivate init(name: String, _ ids: [Int]) {
    let owner = OwnedBytes(count: ids.count * 8)
    for (index, id) in ids.enumerated() {
      owner.bytes.storeBytes(of: Int64(id).littleEndian, toByteOffset: index * 8, as: Int64.self)
    }
    self.init(
      name: name, elementType: .int64, shape: [ids.count], bytes: UnsafeRawBufferPointer(owner.bytes), owner: owner)
  }

  fileprivate func renamed(_ name: String) -> StoredTensor {
    StoredTensor(name: name, elementType: elementType, shape: shape, bytes: bytes, owner: OwnerBox(self))
  }
}

/// Keeps a tensor alive for one that borrows its bytes.
private final class OwnerBox {
  private let tensor: StoredTensor
  init(_ tensor: StoredTensor) { self.tensor = tensor }
}

extension Model {
  /// Tells a model with its weights, as they are held here, from others: a digest of what its layers are and of the
  /// beginning of each weight.
  public var fingerprint: String {
    let hash = SHA256()
    func note(_ text: String) { Array((text + "\n").utf8).withUnsafeBytes(hash.update) }
    for mixer in configuration.mixers { note(JSONWriter.compact(.object(mixer.json))) }
    if configuration.rotary.scaling != .none { note("\(configuration.rotary.scaling)") }
    note("\(backend.name) \(backend.activationType.rawValue) \(cacheType.rawValue)")
    for weight in weights + [embedding] {
      note("\(weight.rows) \(weight.columns) \(weight.format)")
      hash.update(UnsafeRawBufferPointer(start: weight.storage.address, count: min(weight.byteCount, 4096)))
    }
    return hash.finish()
  }
}
