import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Logits as a file, for comparison with other engines.
public enum LogitsFile {
  /// Writes float32 `logits` `[tokens, vocabulary]`, the first tensor, and their `ids`, int32, to a safetensors file, block by
  /// block.
  ///
  /// - Throws: `.emptyPrompt`, `.promptTooLong`, `.tokenOutOfRange`, `.outputExists`, `.cannotWrite`.
  public static func write(_ model: Model, _ ids: [Int], to path: String) throws(HybridizeError) -> Shape {
    let context = model.configuration.contextLength
    guard !ids.isEmpty else { throw HybridizeError(.emptyPrompt, expected: "at least one token") }
    guard ids.count <= context else {
      throw HybridizeError(
        .promptTooLong, expected: "at most \(context) tokens, the model's context", found: "\(ids.count) tokens")
    }
    let shape: Shape = [ids.count, model.configuration.vocabularySize]
    let writer = try SafetensorsWriter(
      path,
      tensors: [
        TensorDescriptor(name: "logits", elementType: .float32, shape: shape),
        TensorDescriptor(name: "ids", elementType: .int32, shape: [ids.count]),
      ])
    try model.forward(ids, state: model.makeState(capacity: ids.count), rows: .all) {
      (logits) throws(HybridizeError) in
      try append(model.backend.readFloats(logits), to: "logits", writer)
    }
    // Below the size of the vocabulary, which the forward pass has checked.
    try append(ids.map { Int32($0).littleEndian }, to: "ids", writer)
    _ = try writer.finish()
    return shape
  }

  private static func append<Element>(
    _ values: [Element], to name: String, _ writer: SafetensorsWriter
  ) throws(HybridizeError) {
    try values.withUnsafeBufferPointer { (buffer) throws(HybridizeError) in
      try writer.append(UnsafeRawBufferPointer(buffer), to: name)
    }
  }
}
