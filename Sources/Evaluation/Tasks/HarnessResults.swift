import HybridizeCore
import HybridizeFormats

/// Results of tasks in the shape of the files that lm-evaluation-harness writes, for tools that read those.
///
/// The tasks are our own, and their names say so. There is no date in it: the same results give the same bytes.
public struct HarnessResults: Sendable {
  public let model: String
  public let seed: UInt64
  public let results: [TaskResult]

  public init(model: String, seed: UInt64, results: [TaskResult]) {
    self.model = model
    self.seed = seed
    self.results = results
  }

  public var json: JSONObject {
    [
      "results": byTask { .object(Self.metrics($0)) },
      "group_subtasks": byTask { _ in .array([]) },
      "configs": byTask { .object(configuration($0)) },
      "versions": byTask { .integer($0.version) },
      "n-shot": byTask { .integer($0.examples) },
      "higher_is_better": byTask { .object(Self.directions($0)) },
      "n-samples": byTask {
        .object(["original": .integer($0.prompts.count), "effective": .integer($0.prompts.count)])
      },
      "config": .object([
        "model": .string("hybridize"), "model_args": .string("pretrained=\(model)"), "limit": .null,
        "random_seed": .number("\(seed)"),
      ]),
      "model_source": .string("hybridize"), "model_name": .string(model),
      "model_name_sanitized": .string(String(model.map { $0 == "/" ? "_" : $0 })),
      "hybridize_version": .string(HybridizeVersion.current),
    ]
  }

  /// Writes the file, in the place of one that is there.
  ///
  /// - Throws: `.cannotWrite`.
  public func write(to path: String) throws(HybridizeError) {
    try AtomicFile.write(JSONWriter.indented(.object(json)), to: path)
  }

  /// `hybridize_needle_length512_depth0.5`
  static func name(_ result: TaskResult) -> String {
    "hybridize_\(result.name)" + result.sizes.entries.map { "_\($0.name)\(TaskSize.text($0.number))" }.joined()
  }

  private func byTask(_ value: (TaskResult) -> JSONValue) -> JSONValue {
    var object = JSONObject()
    for result in results { object[Self.name(result)] = value(result) }
    return .object(object)
  }

  private static func metrics(_ result: TaskResult) -> JSONObject {
    var object: JSONObject = ["alias": .string(name(result))]
    func add(_ metric: String, _ value: Double, _ error: Double?) {
      object["\(metric),none"] = .double(value)
      object["\(metric)_stderr,none"] = error.map { .double($0) } ?? .string("N/A")
    }
    add("acc", result.likelihood.value, result.likelihood.standardError)
    if let greedy = result.greedy { add("exact_match", greedy.value, greedy.standardError) }
    add("nll", result.negativeLogLikelihood, nil)
    return object
  }

  private static func directions(_ result: TaskResult) -> JSONObject {
    var object: JSONObject = ["acc": .bool(true)]
    if result.greedy != nil { object["exact_match"] = .bool(true) }
    object["nll"] = .bool(false)
    return object
  }

  private func configuration(_ result: TaskResult) -> JSONObject {
    [
      "task": .string(Self.name(result)), "num_fewshot": .integer(result.examples),
      "metric_list": .array(
        Self.directions(result).members.map { metric in
          .object([
            "metric": .string(metric.key), "aggregation": .string("mean"), "higher_is_better": metric.value,
          ])
        }),
      "metadata": .object([
        "version": .integer(result.version), "kind": .string(result.name), "seed": .number("\(seed)"),
        "sizes": .object(result.sizes.json),
      ]),
    ]
  }
}
