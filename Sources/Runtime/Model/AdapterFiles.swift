import HybridizeCore
import HybridizeFormats

/// The files of an adapter, which is a change to a model and none by itself.
package enum AdapterFiles {
  package static let configuration = "adapter_config.json"
  package static let weights = "adapter_model.safetensors"
  private static let pickled = "adapter_model.bin"

  /// Refuses what would go on without an adapter that is there: a directory with an adapter and no model, or with one beside
  /// a model. A weights file that is named itself is meant without it.
  ///
  /// - Parameter path: as it was given, a directory or a file.
  /// - Parameter isMerged: the caller merges the adapter, so that one beside the model is no error.
  /// - Throws: `.adapterAlone`, `.adapterBesideWeights`.
  package static func check(_ path: String, isMerged: Bool) throws(HybridizeError) {
    let isDirectory = FileSystem.isDirectory(path)
    let directory = isDirectory ? path : FileSystem.directory(of: path)
    let isAdapterFile = !isDirectory && FileSystem.name(of: path) == weights
    guard isDirectory || isAdapterFile else { return }
    let names = try FileSystem.list(directory)
    let own = [configuration, weights, pickled].filter(names.contains)
    let others = names.filter { !own.contains($0) && isWeights($0) }
    guard own.contains(configuration) || isAdapterFile || others.isEmpty && !own.isEmpty else { return }
    guard others.isEmpty || isAdapterFile else {
      if isMerged { return }
      throw HybridizeError(
        .adapterBesideWeights, file: FileSystem.join(directory, configuration), expected: "a model without an adapter",
        found: "an adapter, which other tools apply, beside \(ErrorText.escape(others[0]))",
        remedy: "merge it with `hybridize convert DIR OUT --adapter DIR`, or name the weights file to leave it out")
    }
    throw HybridizeError(
      .adapterAlone, file: FileSystem.join(directory, own.first ?? weights), expected: "a model",
      found: "an adapter of " + (baseName(in: directory) ?? "a model that it does not name"),
      remedy: "merge it into its model with `hybridize convert BASE OUT --adapter DIR`")
  }

  /// The weights of an adapter's directory.
  ///
  /// - Throws: `.unreadable`, `.pickledAdapter`.
  package static func weights(in directory: String) throws(HybridizeError) -> String {
    let path = FileSystem.join(directory, weights)
    if FileSystem.exists(path) { return path }
    if FileSystem.exists(FileSystem.join(directory, pickled)) {
      throw HybridizeError(
        .pickledAdapter, file: FileSystem.join(directory, pickled), expected: weights,
        remedy: "save it again with save_pretrained(OUT, safe_serialization=True), where you trust it")
    }
    throw HybridizeError(
      .unreadable, file: path, expected: "the weights of an adapter", found: "no such file",
      remedy: "give the directory of an adapter, with \(configuration) and \(weights)")
  }

  /// What the adapter says that it was made for; at most 200 characters of it.
  private static func baseName(in directory: String) -> String? {
    let config = try? ModelDirectory.readJSON(FileSystem.join(directory, configuration))
    return config?.objectValue?["base_model_name_or_path"]?.stringValue.map { String($0.prefix(200)) }
  }

  /// What may be a model's weights.
  private static func isWeights(_ name: String) -> Bool {
    let endings = [".safetensors", ".safetensors.zst", ".h5", ".hdf5", ".keras", ".gguf", ".weights.json"]
    return name.contains(".safetensors.index.") || name.contains(".h5.index.")
      || name.hasPrefix("pytorch_model") && name.contains(".bin")
      || endings.contains(where: name.hasSuffix)
  }
}

extension Problem {
  public static let adapterAlone = Problem(
    "adapterAlone", .inputFile, "this is an adapter (LoRA or alike), not a model")
  public static let adapterBesideWeights = Problem(
    "adapterBesideWeights", .inputFile, "an adapter lies beside the weights and would be left out")
  public static let pickledAdapter = Problem(
    "pickledAdapter", .inputFile, "the adapter is PyTorch's pickled form, which may run any code when it is loaded")
}
