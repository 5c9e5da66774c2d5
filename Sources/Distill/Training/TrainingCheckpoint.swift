import HybridizeCompute
import HybridizeCore
import HybridizeFormats

/// A training on disk: parameters, moments, the best parameters and what was measured, as one safetensors file that is
/// replaced whole. Text is asked for by the number of the step, so that the steps done are the place in it as well.
struct TrainingCheckpoint {
  static let version = "hybridize.training/1"
  let path: String
  let settings: TrainingSettings
  /// What else decides the outcome: teacher, student, texts.
  let fingerprint: String

  // MARK: Writing

  /// - Throws: `.cannotWrite`; what was there before stays then.
  func write(_ state: TrainingState) throws(HybridizeError) {
    let records = state.history.tensors
    var tensors: [UTF8Key: () -> StoredTensor] = [:]
    var descriptors: [TensorDescriptor] = []
    for record in records {
      tensors[UTF8Key(record.name)] = { record }
      descriptors.append(
        try TensorDescriptor(name: record.name, elementType: record.elementType, shape: record.shape))
    }
    for (name, tensor) in state.tensors {
      tensors[UTF8Key(name)] = { state.backend.stored(tensor, name: name) }
      descriptors.append(try Self.descriptor(name, tensor, on: state.backend))
    }
    // Each tensor is copied twice, as the digests come first in the file; never more than one at a time.
    var digests = JSONObject()
    for descriptor in descriptors {
      if let tensor = tensors[UTF8Key(descriptor.name)]?() { digests[descriptor.name] = .string(tensor.sha256) }
    }
    let writer = try SafetensorsWriter(
      path, tensors: descriptors,
      metadata: [
        ("format", Self.version), ("settings", JSONWriter.compact(.object(settings.json))),
        ("fingerprint", fingerprint), ("digests", JSONWriter.compact(.object(digests))),
      ], replacing: true)
    for descriptor in writer.tensors {
      if let tensor = tensors[UTF8Key(descriptor.name)]?() { try writer.write(tensor) }
    }
    _ = try writer.finish()
  }

  private static func descriptor(
    _ name: String, _ tensor: Tensor, on backend: any Backend
  ) throws(HybridizeError) -> TensorDescriptor {
    try TensorDescriptor(
      name: name, elementType: backend.activationType, shape: [tensor.rows, tensor.columns])
  }

  // MARK: Reading

  /// Puts what was saved into the state. Nothing is changed unless all of it is sound.
  ///
  /// - Throws: `.otherTraining` for other settings, inputs or parameters, with what differs; `.damagedTraining`, naming the
  ///   tensor; reading errors.
  func read(into state: inout TrainingState) throws(HybridizeError) {
    let reader = try SafetensorsReader(path)
    do throws(HybridizeError) {
      try checkRecipe(reader)
      let expected = state.tensors
      try checkNames(reader, expected.map(\.name) + TrainingHistory.tensorNames)
      let digests = try JSONCursor.parse(Array(Self.metadata("digests", reader).utf8)).objectValue ?? [:]
      func sound(_ name: String) throws(HybridizeError) -> StoredTensor {
        let tensor = try reader.tensor(named: name)
        let (noted, found) = (digests[name]?.stringValue, tensor.sha256)
        guard noted == found else {
          throw HybridizeError(
            .damagedTraining, tensor: name, expected: "the digest \(noted ?? "that was noted")", found: found,
            remedy: Self.remedy)
        }
        return tensor
      }
      var tensors: [StoredTensor] = []
      for (name, tensor) in expected {
        let stored = try sound(name)
        let descriptor = try Self.descriptor(name, tensor, on: state.backend)
        guard stored.elementType == descriptor.elementType, stored.shape == descriptor.shape else {
          throw HybridizeError(
            .otherTraining, tensor: name, expected: "\(descriptor.elementType.rawValue) \(descriptor.shape)",
            found: "\(stored.elementType.rawValue) \(stored.shape)")
        }
        tensors.append(stored)
      }
      var records: [StoredTensor] = []
      for name in TrainingHistory.tensorNames { records.append(try sound(name)) }
      let history = try TrainingHistory(records)
      for (stored, (_, tensor)) in zip(tensors, expected) { state.backend.restore(stored, to: tensor) }
      state.history = history
    } catch { throw error.inFile(path) }
  }

  private func checkRecipe(_ reader: SafetensorsReader) throws(HybridizeError) {
    let version = reader.metadata.first { $0.key == "format" }?.value
    guard version == Self.version else {
      throw HybridizeError(.damagedTraining, expected: "format \(Self.version)", found: version ?? "none")
    }
    let object = try JSONCursor.parse(Array(Self.metadata("settings", reader).utf8)).objectValue ?? [:]
    let differences = try TrainingSettings(json: object).differences(from: settings)
    guard differences.isEmpty else {
      throw HybridizeError(
        .otherTraining, expected: differences.map { "\($0.field) \($0.here)" }.joined(separator: ", "),
        found: differences.map { "\($0.field) \($0.there)" }.joined(separator: ", "), remedy: Self.otherRemedy)
    }
    let found = try Self.metadata("fingerprint", reader)
    guard found == fingerprint else {
      throw HybridizeError(
        .otherTraining, expected: "teacher, student and texts \(found)", found: fingerprint, remedy: Self.otherRemedy)
    }
  }

  private func checkNames(_ reader: SafetensorsReader, _ names: [String]) throws(HybridizeError) {
    let expected = Set(names.map { UTF8Key($0) })
    for tensor in reader.tensors where !expected.contains(UTF8Key(tensor.name)) {
      throw HybridizeError(.otherTraining, tensor: tensor.name, expected: "no such tensor", remedy: Self.otherRemedy)
    }
    for name in names where reader.descriptor(named: name) == nil {
      throw HybridizeError(.otherTraining, tensor: name, found: "no such tensor", remedy: Self.otherRemedy)
    }
  }

  private static func metadata(_ key: String, _ reader: SafetensorsReader) throws(HybridizeError) -> String {
    guard let value = reader.metadata.first(where: { $0.key == key })?.value else {
      throw HybridizeError(.damagedTraining, expected: "metadata \(key)", found: "none", remedy: remedy)
    }
    return value
  }

  private static let remedy = "remove the file, and train from the beginning"
  private static let otherRemedy = "go on with what it was begun with, or train in another directory"
}

extension Problem {
  public static let otherTraining = Problem("otherTraining", .argument, "the saved training is another one")
  public static let damagedTraining = Problem("damagedTraining", .inputFile, "the saved training is damaged")
}
