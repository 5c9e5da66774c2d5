import HybridizeCompute
import HybridizeCore
import HybridizeFormats
import HybridizeRuntime
import Synchronization

extension Conversion {
  /// Carries the conversion out: weights, configuration, companions, card, manifest. The directory appears when all
  /// of it is on disk, or not at all. A run that was killed is continued by the next one with the same inputs.
  ///
  /// - Parameter threads: tensors are made on as many; the bytes do not depend on it.
  /// - Throws: `.outputExists`, `.outputBusy`, `.cannotWrite`, reading errors, `.notAFloatingType`.
  public func write(
    to path: String, threads: Int = CPUBackend.onlineProcessors, progress: Progress = .silent
  ) throws(HybridizeError) -> Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    let directory: AtomicDirectory
    let weights: Weights
    if case .safetensors = request.format {
      directory = try AtomicDirectory(path, continuing: try fingerprint())
      weights = try place(in: directory, threads: threads, progress)
    } else {
      directory = try AtomicDirectory(path)
      weights = try stream(into: directory, progress)
    }
    var files = weights.files
    func add(_ file: WrittenFile) { files.append(WrittenEntry(file)) }
    // A KerasHub preset has a config.json of its own.
    if !files.contains(where: { FileSystem.name(of: $0.path) == "config.json" }) {
      add(try directory.write("config.json", configuration()))
    }
    for name in ModelDirectory.companionFiles where FileSystem.exists(source.path + "/" + name) {
      add(try directory.copy(source.path + "/" + name, as: name))
    }
    add(try directory.write("README.md", Array(ModelCard.text(self).utf8)))
    let manifest = try Manifest.json(self, files: files, tensors: weights.tensors, weights.products)
    add(try directory.write(Manifest.fileName, Array(JSONWriter.indented(.object(manifest)).utf8)))
    try directory.commit()
    return Outcome(
      path: path, files: files, losses: losses(weights), continued: directory.journal?.entries.count ?? 0,
      seconds: (clock.now - start).inSeconds, peakBytes: ProcessMemory.peakBytes)
  }

  /// What has been written of the tensors.
  private struct Weights {
    let files: [WrittenEntry]
    /// In the order of their data.
    let tensors: [TensorDescriptor]
    let products: [UTF8Key: TensorProduction.Product]
  }

  /// The source's own, and for a source in a format without any what Hugging Face's tools ask for.
  private var metadata: [(key: String, value: String)] {
    let metadata = source.reader.metadata
    let isSafetensors = source.reader.formatName.hasPrefix(SafetensorsFormat.name)
    return metadata.isEmpty && !isSafetensors ? [("format", "pt")] : metadata
  }

  /// Safetensors: every tensor into its place, on all threads, with a journal.
  private func place(
    in directory: AtomicDirectory, threads: Int, _ progress: Progress
  ) throws(HybridizeError) -> Weights {
    let isContinued = !(directory.journal?.entries.isEmpty ?? true)
    try directory.clear { isContinued && $0.hasSuffix(".safetensors") }
    let checkpoint = try PlacedCheckpoint(
      directory: directory.buildPath, tensors: accounting.steps.map(\.target), metadata: metadata,
      maximumBytes: request.shardBytes, alignment: request.alignment)
    let products = try TensorPlacement(self, checkpoint, directory.journal).run(threads: threads, progress)
    let files = try checkpoint.finish().map { WrittenEntry(path: $0.path, byteCount: $0.byteCount, sha256: nil) }
    return Weights(files: files, tensors: checkpoint.tensors, products: products)
  }

  /// Other formats: one tensor after the other.
  private func stream(
    into directory: AtomicDirectory, _ progress: Progress
  ) throws(HybridizeError) -> Weights {
    let targets = accounting.steps.map(\.target)
    let config = try JSONCursor.parse(configuration(), takesNonFinite: true).objectValue ?? [:]
    guard
      let writer = try request.format.writer(
        in: directory.buildPath, targets, metadata: metadata, configuration: config)
    else { preconditionFailure("\(request.format.name) is not written in order") }
    let production = TensorProduction(source: source.reader, donor: donor?.reader)
    let steps = accounting.stepsByName
    var products: [UTF8Key: TensorProduction.Product] = [:]
    for tensor in writer.tensors {
      guard let step = steps[UTF8Key(tensor.name)] else { continue }
      products[UTF8Key(tensor.name)] = try production.make(step) { (bytes) throws(HybridizeError) in
        try writer.append(bytes, to: tensor.name)
      }
      progress.report("write", done: products.count, of: steps.count)
    }
    return Weights(files: try writer.finish().map(WrittenEntry.init), tensors: writer.tensors, products: products)
  }

  private func losses(_ weights: Weights) -> [Outcome.Loss] {
    weights.tensors.compactMap { tensor in
      guard let loss = weights.products[UTF8Key(tensor.name)]?.loss, loss != ElementCast.Loss() else { return nil }
      return Outcome.Loss(tensor: tensor.name, overflows: loss.overflows, underflows: loss.underflows)
    }
  }

  /// What decides the bytes of the output, as 16 hexadecimal digits: the recipe, the plan, and the identity of every file
  /// that is read.
  private func fingerprint() throws(HybridizeError) -> String {
    var paths = source.reader.files
    if let donor { paths += donor.reader.files }
    let identities = try FileSystem.identities(paths + companionPaths)
    let text = JSONWriter.compact(
      .object([
        "version": .string(HybridizeVersion.current), "recipe": .object(Manifest.recipe(self)), "plan": plan.json,
        "files": .array(identities.map { .string($0) }),
      ]))
    return String(try Array(text.utf8).withBytes(SHA256.hash).prefix(16))
  }

  private var companionPaths: [String] {
    (ModelDirectory.companionFiles + ["config.json"]).map { FileSystem.join(source.path, $0) }
      .filter(FileSystem.exists)
  }
}

/// Puts the tensors of a conversion into their places, on all threads, and notes in a journal what is finished.
private struct TensorPlacement {
  private let conversion: Conversion
  private let checkpoint: PlacedCheckpoint
  private let journal: Journal?
  private let production: TensorProduction

  init(_ conversion: Conversion, _ checkpoint: PlacedCheckpoint, _ journal: Journal?) {
    self.conversion = conversion
    self.checkpoint = checkpoint
    self.journal = journal
    production = TensorProduction(source: conversion.source.reader, donor: conversion.donor?.reader)
  }

  private struct State {
    var products: [UTF8Key: TensorProduction.Product] = [:]
    var failure: HybridizeError?
  }

  func run(
    threads: Int, _ progress: Progress
  ) throws(HybridizeError) -> [UTF8Key: TensorProduction.Product] {
    let steps = conversion.accounting.stepsByName
    let noted = notedProducts
    let tensors = checkpoint.tensors
    let pool = try ThreadPool(threads: threads)
    let state = Mutex(State())
    pool.run(tensors.count) { item, _ in
      guard state.withLock({ $0.failure == nil }), let step = steps[UTF8Key(tensors[item].name)] else { return }
      let result = Result { () throws(HybridizeError) in try place(step, noted[UTF8Key(step.target.name)]) }
      state.withLock { state in
        do throws(HybridizeError) {
          let product = try result.get()
          if noted[UTF8Key(step.target.name)] != product { try journal?.append(Self.entry(step.target.name, product)) }
          state.products[UTF8Key(step.target.name)] = product
          progress.report("write", done: state.products.count, of: tensors.count)
        } catch { state.failure = state.failure ?? error }
      }
    }
    return try state.withLock { (state) throws(HybridizeError) in
      if let failure = state.failure { throw failure }
      return state.products
    }
  }

  /// - Parameter noted: what an earlier run says it has put there; believed if the bytes are there.
  private func place(
    _ step: TransferStep, _ noted: TensorProduction.Product?
  ) throws(HybridizeError) -> TensorProduction.Product {
    if let noted, try digest(step.target) == noted.sha256 { return noted }
    var offset = 0
    return try production.make(step) { (bytes) throws(HybridizeError) in
      try checkpoint.write(bytes, to: step.target.name, at: offset)
      offset += bytes.count
    }
  }

  /// Of what is in the tensor's place.
  private func digest(_ tensor: TensorDescriptor) throws(HybridizeError) -> String {
    let hash = SHA256()
    let size = TensorProduction.pieceBytes
    let piece = OwnedBytes(count: min(size, tensor.byteCount))
    for offset in stride(from: 0, to: tensor.byteCount, by: size) {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes.prefix(tensor.byteCount - offset))
      try checkpoint.read(tensor.name, at: offset, into: part)
      hash.update(UnsafeRawBufferPointer(part))
    }
    return hash.finish()
  }

  private static func entry(_ name: String, _ product: TensorProduction.Product) -> JSONObject {
    var entry: JSONObject = [
      "tensor": .string(name), "sha256": .string(product.sha256), "overflows": .integer(product.loss.overflows),
      "underflows": .integer(product.loss.underflows),
    ]
    if let digest = product.sourceSHA256 { entry["source_sha256"] = .string(digest) }
    return entry
  }

  private var notedProducts: [UTF8Key: TensorProduction.Product] {
    var products: [UTF8Key: TensorProduction.Product] = [:]
    for entry in journal?.entries ?? [] {
      guard let name = entry["tensor"]?.stringValue, let sha256 = entry["sha256"]?.stringValue else { continue }
      products[UTF8Key(name)] = TensorProduction.Product(
        sha256: sha256, sourceSHA256: entry["source_sha256"]?.stringValue,
        loss: ElementCast.Loss(
          overflows: entry["overflows"]?.integerValue ?? 0, underflows: entry["underflows"]?.integerValue ?? 0))
    }
    return products
  }
}
