import HybridizeCompute
import HybridizeCore

extension BenchmarkReport {
  public var json: JSONObject {
    var object: JSONObject = [
      "schema": .string("hybridize.bench/1"),
      "limits": machine.limits.map { limits in
        .object([
          "memory_bandwidth": .double(limits.memoryBandwidth), "matrix_product_flops": .double(limits.matrixProduct),
        ])
      } ?? .null,
      "processors": machine.processors.map { .array($0.map { .integer($0) }) } ?? .null,
      "results": .array(results.map { .object(row($0)) }),
      "speedup": .array(speedUps.map { .object(Self.json($0)) }),
    ]
    if results.contains(where: { $0.profile != nil }) {
      object["profile"] = .array(profiles.map { .object($0.json) })
    }
    return object
  }

  private static func json(_ speedUp: SpeedUp) -> JSONObject {
    [
      "model": .string(speedUp.model), "test": .string(speedUp.test), "factor": .double(speedUp.factor),
      "low": optional(speedUp.interval?.lowerBound), "high": optional(speedUp.interval?.upperBound),
      "predicted_speedup": .double(speedUp.predicted),
    ]
  }

  private static func optional(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }

  /// One row, with llama-bench's names first.
  func row(_ result: BenchmarkResult) -> JSONObject {
    func list(_ values: [Double]) -> JSONValue { .array(values.map { .double($0) }) }
    let nanoseconds = result.samples.map { ($0 * 1e9).rounded() }
    var row: JSONObject = [
      "build_commit": .string(HybridizeVersion.current), "build_number": .integer(0),
      "cpu_info": .string(machine.processor), "gpu_info": .string(""), "backends": .string(machine.backend),
      "model": .string(result.model), "model_filename": .string(result.model),
      "model_type": .string(result.modelType), "model_size": .integer(result.modelBytes),
      "model_n_params": .integer(result.parameters), "n_threads": .integer(machine.threads),
      "type_k": .string(result.cacheType.rawValue), "type_v": .string(result.cacheType.rawValue),
      "test": .string(result.test.name),
      "n_prompt": .integer(result.test.prompt), "n_gen": .integer(result.test.generate),
      "n_depth": .integer(result.test.depth), "n_seq": .integer(result.test.sequences),
      "test_time": .string(machine.time),
      "avg_ns": .integer(Int(nanoseconds.mean)), "stddev_ns": .integer(Int(nanoseconds.standardDeviation)),
      "avg_ts": .double(result.meanRate), "stddev_ts": .double(result.rateDeviation),
      "samples_ns": .array(nanoseconds.map { .integer(Int($0)) }), "samples_ts": list(result.rates),
      "median_ts": .double(result.medianRate), "mad_ts": .double(result.medianRateDeviation),
      "cache_bytes": .integer(result.cacheBytes), "peak_bytes": .integer(result.peakBytes),
    ]
    for (name, value) in limitMembers(result).members { row[name] = value }
    return row
  }

  /// The arithmetic of the limit: bytes for a decode test, operations for a prefill, null for the other.
  private func limitMembers(_ result: BenchmarkResult) -> JSONObject {
    let work = result.work
    let isDecode = result.test.generate > 0
    let limit = machine.limits.map(result.limit)
    var (bandwidth, flops): (Double?, Double?)
    switch limit {
    case .memory(_, let rate): bandwidth = rate
    case .product(_, let rate): flops = rate
    case nil: break
    }
    let tokens = Double(work.tokens)
    return [
      "weight_bytes": isDecode ? .integer(work.weightBytes) : .null,
      "cache_bytes_read": isDecode ? .double(work.cacheBytesRead) : .null,
      "bytes_per_token": isDecode ? .double(work.bytesPerToken) : .null,
      "weight_bandwidth": Self.optional(result.weightBandwidth), "bandwidth_limit": Self.optional(bandwidth),
      "linear_flops_per_token": isDecode ? .null : .double(Double(work.linearOperations) / tokens),
      "mixing_flops_per_token": isDecode ? .null : .double(Double(work.mixingOperations) / tokens),
      "flops_per_token": isDecode ? .null : .double(work.operationsPerToken), "flops_limit": Self.optional(flops),
      "limit_ts": Self.optional(limit?.rate),
      "percent_of_limit": Self.optional(limit.map { 100 * result.medianRate / $0.rate }),
    ]
  }
}
