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

  public init(backend: any Backend, progress: Progress = .silent) {
    self.backend = backend
    self.progress = progress
  }

  /// Times models against the first of them.
  ///
  /// - Throws: what loading and running the models throw.
  public func bench(
    _ paths: [String], tests: [BenchmarkTest], options: Benchmark.Options, loading: LoadOptions = LoadOptions()
  ) throws(HybridizeError) -> BenchmarkReport {
    var subjects: [Benchmark.Subject] = []
    for path in paths {
      let directory = try ModelDirectory(path).noting(progress)
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
  /// - Parameter text: a file to compare on; `nil` for tensors, prefill and decode alone.
  /// - Parameter documents: documents of that file, at most.
  /// - Parameter length: tokens a document.
  /// - Throws: what opening, loading and running the models throw, and what `TextDocuments.read` throws.
  public func verify(
    source: String, converted: String, text: String?, documents: Int, length: Int
  ) throws(HybridizeError) -> Verification {
    let source = try ModelDirectory(source).noting(progress)
    let converted = try ModelDirectory(converted).noting(progress)
    var ids: [[Int]] = []
    if let text {
      ids = try TextDocuments.read(text, tokenizer: source.tokenizer(), length: length, limit: documents)
    }
    return try Verification.run(
      source: source, converted: converted, backend: backend, documents: ids,
      probe: Verification.probe(converted.configuration), progress: progress)
  }
}
