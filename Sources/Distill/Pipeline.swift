import HybridizeCompute
import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// Whole pieces of work, composed of what the modules below offer: what commands, recipes and users of the library
/// call.
public struct Pipeline {
  public let backend: any Backend
  public let progress: Progress
  /// What models can be made of.
  public let catalog: Catalog

  public init(backend: any Backend, progress: Progress = .silent, catalog: Catalog = .standard) {
    self.backend = backend
    self.progress = progress
    self.catalog = catalog
  }

  /// Times models against the first of them.
  ///
  /// - Throws: what loading and running the models throw.
  public func bench(
    _ paths: [String], tests: [BenchmarkTest], options: Benchmark.Options, loading: LoadOptions = LoadOptions()
  ) throws(HybridizeError) -> BenchmarkReport {
    var subjects: [Benchmark.Subject] = []
    for path in paths {
      let directory = try ModelDirectory(path, catalog: catalog).noting(progress)
      subjects.append(
        Benchmark.Subject(name: path, directory: directory, model: try directory.load(on: backend, loading)))
    }
    return try Benchmark(options, progress: progress).report(subjects, tests, on: backend)
  }

  /// What two checkpoints do not share, under the names that their models have for the tensors where there are models.
  ///
  /// - Throws: what opening and reading them throw.
  public static func difference(
    _ first: String, _ second: String, threads: Int, progress: Progress = .silent
  ) throws(HybridizeError) -> CheckpointDifference {
    try CheckpointDifference(
      checkpoint(first), checkpoint(second), threads: threads, progress: progress)
  }

  /// A checkpoint with all its tensors; as it lies in its files if no model can be made of it.
  private static func checkpoint(_ path: String) throws(HybridizeError) -> any TensorReader {
    do throws(HybridizeError) { return try ModelDirectory(path).everything } catch {
      guard ![.adapterAlone, .adapterBesideWeights].contains(error.problem) else { throw error }
      return try FormatRegistry.open(path)
    }
  }

  /// Reads the data of an inspected checkpoint; `nil` if nothing is asked for.
  ///
  /// - Throws: reading errors.
  public static func scan(
    _ inspection: Inspection, _ parts: TensorScan.Parts, threads: Int, progress: Progress = .silent
  ) throws(HybridizeError) -> TensorScan? {
    parts.isEmpty ? nil : try TensorScan(inspection.reader, parts, threads: threads, progress: progress)
  }

  /// What is wrong with a checkpoint: with its values, and with its files by their manifest.
  ///
  /// - Parameter scan: of its tensors, with statistics and digests.
  /// - Throws: reading errors.
  public static func failures(_ inspection: Inspection, _ scan: TensorScan) throws(HybridizeError) -> [String] {
    let path = inspection.path
    let directory = FileSystem.isDirectory(path) ? path : FileSystem.directory(of: path)
    return scan.failures + (try ManifestCheck.failures(in: directory, scan) ?? [])
  }

  /// Compares a converted model with its source.
  ///
  /// - Parameter text: what `TextSource` takes, to compare on; `nil` for tensors, prefill and decode alone.
  /// - Parameter textKey: where its objects have the text.
  /// - Parameter documents: documents of that text, at most.
  /// - Parameter length: tokens a document.
  /// - Throws: what opening, loading and running the models throw, and what `TextDocuments.read` throws.
  public func verify(
    source: String, converted: String, text: String?, textKey: String = TextSource.usualKey, documents: Int, length: Int
  ) throws(HybridizeError) -> Verification {
    let source = try ModelDirectory(source, catalog: catalog).noting(progress)
    let converted = try ModelDirectory(converted, catalog: catalog).noting(progress)
    var ids: [[Int]] = []
    if let text {
      try Self.check(length: length, [source, converted])
      ids = try TextDocuments.read(
        TextSource(text, key: textKey), tokenizer: source.tokenizer(), length: length, limit: documents)
    }
    return try Verification.run(
      source: source, converted: converted, backend: backend, documents: ids,
      probe: Verification.probe(converted.configuration), progress: progress)
  }

  /// Nothing is compared beyond what the models are made for: both are broken there.
  ///
  /// - Throws: `.badArgument`.
  static func check(length: Int, _ models: [ModelDirectory]) throws(HybridizeError) {
    for model in models where length > model.configuration.contextLength {
      throw HybridizeError(
        .badArgument, file: model.path,
        expected: "length: at most \(model.configuration.contextLength) tokens, the model's context", found: "\(length)"
      )
    }
  }
}
