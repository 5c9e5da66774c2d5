import HybridizeCore

/// Formats of checkpoints that are known by sight and not read.
package enum OtherFormat {
  /// Of llama.cpp and its kin.
  case gguf
  /// What `torch.save` writes: a pickle, which runs code when it is loaded.
  case pickle

  /// What a file is by its first bytes or its name, and a directory by the names in it; `nil` for anything else.
  package init?(_ candidate: FormatCandidate) {
    if candidate.isDirectory {
      let found = candidate.entries.compactMap { Self(name: $0) }
      guard let first = found.first else { return nil }
      self = found.contains(.pickle) ? .pickle : first
    } else if candidate.start.starts(with: "GGUF".utf8) {
      self = .gguf
    } else if let named = Self(name: candidate.path) {
      self = named
    } else {
      return nil
    }
  }

  private init?(name: String) {
    if name.hasSuffix(".gguf") {
      self = .gguf
    } else if [".bin", ".pt", ".pth", ".ckpt", ".bin.index.json"].contains(where: name.hasSuffix) {
      self = .pickle
    } else {
      return nil
    }
  }

  /// What to do about it.
  package func error(_ path: String) -> HybridizeError {
    switch self {
    case .gguf:
      HybridizeError(
        .otherFormat, file: path, expected: "safetensors or HDF5", found: "GGUF, which is not read yet",
        remedy: "take the safetensors files that the GGUF file was made of")
    case .pickle:
      HybridizeError(
        .otherFormat, file: path, expected: "safetensors or HDF5",
        found: "PyTorch's pickled weights, which may run any code when they are loaded",
        remedy: "convert them to safetensors in Python, where you trust them: "
          + "AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(OUT)")
    }
  }
}

extension Problem {
  public static let otherFormat = Problem("otherFormat", .inputFile, "checkpoints of this format are not read")
}
