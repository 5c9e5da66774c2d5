import HybridizeCore
import HybridizeFormats

/// `hybridize.json`, what a converted model says of its making: source with hashes, recipe, plan, files. It holds no
/// time and no path, so that the same inputs give the same bytes.
enum Manifest {
  static let fileName = "hybridize.json"

  /// - Parameter donors: the files that mixers were taken from; none if they are new.
  static func json(
    _ conversion: Conversion, sources: [WrittenFile], donors: [WrittenFile], files: [WrittenFile]
  ) -> JSONObject {
    let accounting = conversion.accounting
    return [
      "schema": .string("hybridize.manifest/1"),
      "tool": .object(["name": .string("hybridize"), "version": .string(HybridizeVersion.current)]),
      "source": .object([
        "model_type": .string(conversion.source.configuration.architecture.name),
        "files": .array(sources.map { .object($0.json) }),
      ]),
      "mixers_from": donors.isEmpty ? .null : .object(["files": .array(donors.map { .object($0.json) })]),
      "recipe": .object(recipe(conversion)), "plan": conversion.plan.json,
      "tensors": .object([
        "copied": .integer(accounting.copied), "relaid": .integer(accounting.relaid),
        "initialised": .integer(accounting.initialised), "dropped": .array(accounting.dropped.map { .object($0.json) }),
      ]),
      "files": .array(files.map { .object($0.json) }),
    ]
  }

  private static func recipe(_ conversion: Conversion) -> JSONObject {
    let request = conversion.request
    var recipe: JSONObject = ["keep": .array(conversion.plan.kept.map { .integer($0) })]
    if request.mixersFrom == nil {
      recipe["mixer"] = .string(request.mixer)
      recipe["preset"] = .string(request.choice.preset.rawValue)
      recipe["options"] = .object(request.choice.options)
      recipe["gates"] = .string(conversion.plan.initialisation.rawValue)
      recipe["expand_key_value"] = .bool(request.choice.expandKeyValue)
      recipe["seed"] = .number(String(request.seed))
    }
    if case .ratio(let ratio, let selector) = request.keep {
      recipe["ratio"] = .double(ratio)
      recipe["select"] = .string(selector)
    }
    return recipe
  }
}

extension WrittenFile {
  /// Without the directory, which is another one for everybody.
  var json: JSONObject {
    ["file": .string(FileSystem.name(of: path)), "bytes": .integer(byteCount), "sha256": .string(sha256)]
  }
}

extension Accounting.Drop {
  var json: JSONObject { ["tensor": .string(tensor), "reason": .string(reason)] }
}
