import HybridizeConvert
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import TestSupport
import Testing

/// The adapters of scripts/make_adapter_fixtures.py, merged by peft and by us.
@Suite("a LoRA adapter")
struct AdapterTests {
  let scratch = TemporaryDirectory()

  static let names = [
    "plain-attention", "plain-patterns", "plain-biases", "plain-all-biases", "plain-second-bias", "plain-saved",
    "tied-embedding", "halves-linear",
  ]

  private func path(_ name: String) -> String { Fixtures.path("adapter/\(name)") }

  private func base(of name: String) -> String { path(String(name.prefix { $0 != "-" })) }

  private func merge(
    _ name: String, keep: ConversionRequest.Keep = .all, elementType: ElementType? = nil, as out: String = "out"
  ) throws -> ModelDirectory {
    _ = try Conversion(
      ConversionRequest(source: base(of: name), keep: keep, elementType: elementType, adapter: path(name))
    ).write(to: scratch.path(out))
    return try ModelDirectory(scratch.path(out))
  }

  private func floats(_ reader: any TensorReader, _ name: String) throws -> [Double] {
    let tensor = try reader.tensor(named: name)
    return withExtendedLifetime(tensor) {
      tensor.elementType == .bfloat16
        ? (0..<tensor.bytes.count / 2).map {
          Double(Float(bitPattern: UInt32(tensor.bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16))
        }
        : (0..<tensor.bytes.count / 4).map {
          Double(tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
        }
    }
  }

  /// What peft made, where that is not the base's own.
  private func expected(_ name: String) throws -> [String: [Double]] {
    try Golden("\(name).merged", in: "adapter").entries.mapValues { entry in
      // bfloat16 lies there as its bits.
      name.hasPrefix("halves") ? entry.values.map { Double(Float(bitPattern: UInt32($0) << 16)) } : entry.values
    }
  }

  @Test("is merged as peft merges it, and nothing else is touched", arguments: names)
  func merged(_ name: String) throws {
    let source = try ModelDirectory(base(of: name))
    let result = try merge(name)
    let expected = try expected(name)
    #expect(result.reader.tensors == source.reader.tensors)
    var changed: Set<String> = []
    for tensor in source.reader.tensors {
      let found = try floats(result.reader, tensor.name)
      guard let wanted = expected[tensor.name] else {
        #expect(try floats(source.reader, tensor.name) == found, "\(tensor.name)")
        continue
      }
      changed.insert(tensor.name)
      let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
      // Rounded to bfloat16 once, as there: the same bits.
      #expect(worst <= (tensor.elementType == .bfloat16 ? 0 : 1e-6), "\(tensor.name): \(worst)")
      #expect(try floats(source.reader, tensor.name) != found, "\(tensor.name) is changed")
    }
    // The head of a tied model is in peft's state, and in no file.
    #expect(changed == Set(expected.keys).subtracting(source.configuration.tiedHead ? ["lm_head.weight"] : []))
    for file in ["config.json"] {
      #expect(
        try FileSystem.read(result.path + "/" + file, limit: 1 << 20)
          == FileSystem.read(source.path + "/" + file, limit: 1 << 20))
    }
  }

  @Test("is read in any pieces", arguments: ["plain-patterns", "plain-saved", "halves-linear"])
  func pieces(_ name: String) throws {
    let conversion = try Conversion(ConversionRequest(source: base(of: name), keep: .all, adapter: path(name)))
    try checkTensorReader(conversion.source.reader)
    let tensor = "model.layers.1.mlp.down_proj.weight"
    let whole = try conversion.source.reader.tensor(named: tensor)
    var random = SeededGenerator(seed: 3)
    for _ in 0..<100 {
      let start = random.index(below: whole.bytes.count + 1)
      let end = start + random.index(below: whole.bytes.count - start + 1)
      let piece = OwnedBytes(count: end - start)
      try conversion.source.reader.read(tensor, range: start..<end, into: piece.bytes)
      #expect(UnsafeRawBufferPointer(piece.bytes).elementsEqual(whole.bytes[start..<end]), "\(start)..<\(end)")
    }
    withExtendedLifetime(whole) {}
  }

  @Test(
    "is merged before the conversion: the same as one after the other", arguments: ["plain-patterns", "halves-linear"])
  func converted(_ name: String) throws {
    let merged = try merge(name, as: "merged")
    for type in [nil, ElementType.float16] {
      let label = type?.rawValue ?? "own"
      let once = try merge(name, keep: .layers([1]), elementType: type, as: "once-\(label)")
      _ = try Conversion(ConversionRequest(source: merged.path, keep: .layers([1]), elementType: type)).write(
        to: scratch.path("twice-\(label)"))
      let twice = try ModelDirectory(scratch.path("twice-\(label)"))
      #expect(once.reader.tensors == twice.reader.tensors)
      for tensor in once.reader.tensors {
        #expect(
          try once.reader.tensor(named: tensor.name).hasSameContent(as: twice.reader.tensor(named: tensor.name)),
          "\(tensor.name)")
      }
    }
  }

  @Test("is told of: in the report, in the manifest by its digests, on the card")
  func reports() throws {
    let conversion = try Conversion(
      ConversionRequest(source: path("plain"), keep: .all, adapter: path("plain-saved")))
    let down = (0..<2).map { "model.layers.\($0).mlp.down_proj.weight" }
    #expect(Set(conversion.adapter?.merged ?? []) == Set(down + ["model.embed_tokens.weight"]))
    #expect(conversion.adapter?.replaced.contains("lm_head.weight") == true)
    #expect(conversion.text(outcome: nil).contains("adapter: LoRA, merged into 3 tensors, in place of 7 tensors"))
    let tensors = conversion.json(outcome: nil)["tensors"]?.arrayValue ?? []
    let from = Dictionary(
      uniqueKeysWithValues: tensors.map {
        ($0.objectValue!["name"]!.stringValue!, $0.objectValue!["from"]!.stringValue!)
      })
    #expect(from[down[0]] == "merged" && from["model.layers.0.mlp.up_proj.weight"] == "copy")
    _ = try conversion.write(to: scratch.path("out"))
    let manifest = try JSONCursor.parse(scratch.bytes("out/hybridize.json")).objectValue
    let adapter = manifest?["adapter"]?.objectValue
    #expect(
      adapter?["weights_sha256"]?.stringValue == (try SHA256.hash(file: path("plain-saved/adapter_model.safetensors"))))
    #expect(
      adapter?["config_sha256"]?.stringValue == (try SHA256.hash(file: path("plain-saved/adapter_config.json"))))
    #expect(adapter?["merged"]?.arrayValue?.count == 3)
    #expect(!String(decoding: scratch.bytes("out/hybridize.json"), as: UTF8.self).contains(Fixtures.root))
    let card = String(decoding: scratch.bytes("out/README.md"), as: UTF8.self)
    #expect(card.contains("- adapter: LoRA") && !card.contains("byte for byte"))
  }

  @Test("may lie beside the model that it is merged into, and have other prefixes than it")
  func places() throws {
    let copy = ModelCopy(of: path("plain"), in: scratch)
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
      scratch.link("model/\(file)", to: path("plain-attention/\(file)"))
    }
    try copy.rewriteWeights(in: "adapter_model.safetensors") { tensors in
      for index in tensors.indices {
        tensors[index].name = tensors[index].name.replacing("base_model.model.model.", with: "base_model.model.")
          .replacing(".lora_A.", with: ".lora_A.default.").replacing(".lora_B.", with: ".lora_B.default.")
      }
    }
    try copy.rewriteWeights { tensors in
      for index in tensors.indices { tensors[index].name = "module." + tensors[index].name }
    }
    _ = try Conversion(ConversionRequest(source: copy.path, keep: .all, adapter: copy.path)).write(
      to: scratch.path("a"))
    let plain = try merge("plain-attention", as: "b")
    let other = try ModelDirectory(scratch.path("a"))
    for tensor in plain.reader.tensors {
      #expect(
        try plain.reader.tensor(named: tensor.name).hasSameContent(as: other.reader.tensor(named: tensor.name)))
    }
    #expect(!FileSystem.exists(scratch.path("a/adapter_config.json")))
  }
}
