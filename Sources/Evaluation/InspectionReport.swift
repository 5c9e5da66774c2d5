import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// An inspection as JSON and as text.
extension Inspection {
  /// Contexts at which the cache is shown unless others are asked for.
  public static let defaultContexts = [2048, 8192, 32768, 131_072]

  /// - Parameter scan: of this checkpoint's tensors; adds to their entries.
  public func json(contexts: [Int] = defaultContexts, scan: TensorScan? = nil) -> JSONObject {
    var object: JSONObject = [
      "schema": .string("hybridize.inspect/1"), "path": .string(path), "format": .string(format),
      "files": .array(files.map { .string($0) }), "parameters": .integer(parameters), "bytes": .integer(bytes),
    ]
    var metadataObject = JSONObject()
    for (key, value) in metadata { metadataObject[key] = .string(value) }
    object["metadata"] = .object(metadataObject)
    object["architecture"] = model.map { .object(Self.json($0.configuration)) } ?? .null
    object["warnings"] = .array(warnings.map { .string($0) })
    for (key, value) in names?.json.members ?? [] { object[key] = value }
    if let model {
      object["layers"] = .array(model.layers.map { .object(Self.json($0)) })
      object["memory"] = .object(Self.memory(model, contexts))
    } else {
      object["layers"] = .array([])
    }
    let scanned = scan?.json
    object["tensors"] = .array(
      tensors.enumerated().map { index, tensor in
        var entry: JSONObject = [
          "name": .string(tensor.name), "dtype": .string(tensor.elementType.rawValue),
          "shape": .array(tensor.shape.dimensions.map { .integer($0) }), "bytes": .integer(tensor.byteCount),
        ]
        for (key, value) in scanned?[index].members ?? [] { entry[key] = value }
        return .object(entry)
      })
    return object
  }

  private static func json(_ model: ModelConfiguration) -> JSONObject {
    [
      "name": .string(model.architecture.name), "definition": .object(model.architecture.json),
      "vocabulary_size": .integer(model.vocabularySize), "hidden_size": .integer(model.hiddenSize),
      "intermediate_size": .integer(model.intermediateSize), "layers": .integer(model.layerCount),
      "heads": .integer(model.heads), "key_value_heads": .integer(model.keyValueHeads),
      "head_dimension": .integer(model.headDimension), "context_length": .integer(model.contextLength),
      "tied_head": .bool(model.tiedHead), "kept": .array(model.keptLayers.map { .integer($0) }),
      "converted": .array(model.convertedLayers.map { .integer($0) }),
    ]
  }

  private static func json(_ layer: ModelSummary.Layer) -> JSONObject {
    [
      "index": .integer(layer.index), "mixer": .string(layer.mixer), "heads": .integer(layer.heads),
      "key_value_heads": .integer(layer.keyValueHeads), "parameters": .integer(layer.parameters),
      "bytes": .integer(layer.bytes), "window": layer.window.map { .integer($0) } ?? .null,
      "cache_bytes_per_token": .integer(layer.memory.elementsPerToken * ModelSummary.stateElementBytes),
      "cache_most_tokens": layer.memory.mostTokens.map { .integer($0) } ?? .null,
      "state_bytes": .integer(layer.memory.fixedElements * ModelSummary.stateElementBytes),
      "break_even_context": layer.breakEvenContext.map { .integer($0) } ?? .null,
    ]
  }

  private static func memory(_ model: ModelSummary, _ contexts: [Int]) -> JSONObject {
    [
      "element_type": .string(ElementType.float32.rawValue), "weight_bytes": .integer(model.weightBytes),
      "cache_bytes_per_token": .integer(model.cacheBytesPerToken),
      "bounded_cache_bytes": .integer(model.boundedCacheBytes), "state_bytes": .integer(model.fixedStateBytes),
      "contexts": .array(
        contexts.map { tokens in
          .object([
            "tokens": .integer(tokens), "cache_and_state_bytes": .integer(model.stateBytes(tokens: tokens)),
            "total_bytes": .integer(model.weightBytes + model.stateBytes(tokens: tokens)),
          ])
        }),
    ]
  }

  /// What a person reads: a summary, the layers, the memory and, on request, the tensors.
  public func text(contexts: [Int] = defaultContexts) -> String {
    var out = "\(ErrorText.escape(path)): \(format), \(files.count) file\(files.count == 1 ? "" : "s"), "
    out += "\(tensors.count) tensors, \(NumberText.grouped(parameters)) parameters, \(NumberText.bytes(bytes)) ("
    out += elementTypes + ")\n"
    for warning in warnings { out += "warning: \(ErrorText.escape(warning))\n" }
    for note in names?.notes ?? [] { out += note + "\n" }
    guard let model else {
      return out + "no config.json beside it: tensors only\n\n" + tensorTable
    }
    return out + Self.headline(model.configuration) + "\n" + Self.layerTable(model) + "\n"
      + Self.memoryTable(model, contexts)
  }

  private var elementTypes: String {
    var counts: [ElementType: Int] = [:]
    for tensor in tensors { counts[tensor.elementType, default: 0] += 1 }
    return counts.sorted { $0.value > $1.value }.map { "\($0.value) x \($0.key.rawValue)" }.joined(separator: ", ")
  }

  private static func headline(_ model: ModelConfiguration) -> String {
    var text = "\(model.architecture.name): \(model.layerCount) layers, hidden \(model.hiddenSize), "
    text += "\(model.heads) heads of \(model.headDimension) on \(model.keyValueHeads), "
    text += "feed-forward \(model.intermediateSize), vocabulary \(model.vocabularySize), "
    text += "context \(model.contextLength), head \(model.tiedHead ? "tied" : "of its own")\n"
    if !model.convertedLayers.isEmpty {
      text += "hybrid: \(model.keptLayers.count) layers kept (\(LayerList.text(model.keptLayers))), "
      text += "\(model.convertedLayers.count) converted\n"
    }
    return text
  }

  private static func layerTable(_ model: ModelSummary) -> String {
    let hasBounds = model.boundedCacheBytes > 0
    var table = TextTable(
      [
        ("layer", .right), ("mixer", .left), ("heads", .right), ("k/v heads", .right), ("parameters", .right),
        ("weights", .right), ("cache/token", .right),
      ] + (hasBounds ? [("at most", .right)] : []) + [("state", .right), ("break-even", .right)])
    for layer in model.layers {
      var row = [
        "\(layer.index)", layer.mixer + (layer.window.map { " of \($0)" } ?? ""), "\(layer.heads)",
        "\(layer.keyValueHeads)",
        NumberText.grouped(layer.parameters), NumberText.bytes(layer.bytes),
        NumberText.bytes(layer.memory.elementsPerToken * ModelSummary.stateElementBytes),
      ]
      if hasBounds { row.append(layer.boundedCacheBytes.map { NumberText.bytes($0) } ?? "-") }
      row += [
        NumberText.bytes(layer.memory.fixedElements * ModelSummary.stateElementBytes),
        layer.breakEvenContext.map { "\($0)" } ?? "-",
      ]
      table.add(row)
    }
    return table.text
  }

  private static func memoryTable(_ model: ModelSummary, _ contexts: [Int]) -> String {
    var table = TextTable([
      ("context", .right), ("cache and state", .right), ("with weights", .right),
    ])
    for tokens in contexts {
      let state = model.stateBytes(tokens: tokens)
      table.add([NumberText.grouped(tokens), NumberText.bytes(state), NumberText.bytes(state + model.weightBytes)])
    }
    let bounded = model.boundedCacheBytes
    return """
      memory, with caches and states in float32 as this runtime keeps them: weights \
      \(NumberText.bytes(model.weightBytes)), \(NumberText.bytes(model.cacheBytesPerToken)) a token, \
      \(bounded > 0 ? "at most \(NumberText.bytes(bounded)) of windows, " : "")\
      \(NumberText.bytes(model.fixedStateBytes)) of state
      \(table.text)break-even: tokens from which a layer's cache is larger than a gated DeltaNet's state in its place

      """
  }

  /// Every tensor on a line.
  public var tensorTable: String {
    var table = TextTable([("tensor", .left), ("type", .left), ("shape", .left), ("bytes", .right)])
    for tensor in tensors {
      table.add([
        tensor.name, tensor.elementType.rawValue, tensor.shape.description, NumberText.grouped(tensor.byteCount),
      ])
    }
    return table.text
  }
}

/// Layer indices as people write them: `0-3, 7`.
public enum LayerList {
  public static func text(_ layers: [Int]) -> String {
    var parts: [String] = []
    var run: ClosedRange<Int>?
    func close() {
      if let run { parts.append(run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)") }
    }
    for layer in layers.sorted() {
      if let open = run, layer == open.upperBound + 1 {
        run = open.lowerBound...layer
      } else {
        close()
        run = layer...layer
      }
    }
    close()
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }
}
