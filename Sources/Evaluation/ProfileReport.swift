import HybridizeCompute
import HybridizeCore

/// The profile of one test on one model, by layers and by operations.
struct ProfileReport {
  let model: String
  let test: BenchmarkTest
  let profile: Profile
  /// The names of the layers' mixers.
  let mixers: [String]

  /// Microseconds a token.
  func perToken(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1000 / Double(test.tokens) }

  /// The operations that occur, with their time over all parts.
  var operations: [(operation: Profile.Operation, entry: Profile.Entry)] {
    Profile.Operation.allCases.compactMap { operation in
      let entry = profile[operation]
      return entry.nanoseconds > 0 ? (operation, entry) : nil
    }
  }

  /// In the order of the forward pass; `nil` for what came before the first part.
  var parts: [ModelPart?] {
    [nil, .embedding] + mixers.indices.flatMap { [.mixer(layer: $0), .feedForward(layer: $0)] } + [.head]
  }

  func nanoseconds(_ part: ModelPart?, _ operation: Profile.Operation? = nil) -> Int64 {
    if let operation {
      return profile.entries[Profile.Key(part: part, operation: operation)]?.nanoseconds ?? 0
    }
    return Profile.Operation.allCases.reduce(0) { $0 + nanoseconds(part, $1) }
  }

  var json: JSONObject {
    [
      "model": .string(model), "test": .string(test.name), "tokens": .integer(test.tokens),
      "total_ns": .integer(Int(profile.nanoseconds)), "unaccounted": .double(profile.unaccounted),
      "parts": .array(parts.filter { nanoseconds($0) > 0 }.map { .object(json($0)) }),
    ]
  }

  private func json(_ part: ModelPart?) -> JSONObject {
    let (name, layer) = Self.name(part)
    return [
      "part": .string(name), "layer": layer.map { .integer($0) } ?? .null,
      "mixer": layer.map { .string(mixers[$0]) } ?? .null, "ns": .integer(Int(nanoseconds(part))),
      "operations": .array(
        Profile.Operation.allCases.compactMap { operation in
          guard let entry = profile.entries[Profile.Key(part: part, operation: operation)] else { return nil }
          return .object([
            "operation": .string(operation.rawValue), "calls": .integer(entry.calls),
            "ns": .integer(Int(entry.nanoseconds)),
          ])
        }),
    ]
  }

  private static func name(_ part: ModelPart?) -> (String, layer: Int?) {
    switch part {
    case nil: ("before", nil)
    case .embedding: ("embedding", nil)
    case .mixer(let layer): ("mixer", layer)
    case .feedForward(let layer): ("feed_forward", layer)
    case .head: ("head", nil)
    }
  }

  /// Two tables: by operation and by layer.
  var text: String {
    let total = profile.nanoseconds
    func share(_ nanoseconds: Int64) -> String {
      NumberText.fixed(100 * Double(nanoseconds) / Double(max(total, 1)), 1) + " %"
    }
    func time(_ nanoseconds: Int64) -> String { NumberText.fixed(perToken(nanoseconds), 2) }
    var byOperation = TextTable([("operation", .left), ("calls", .right), ("µs/token", .right), ("share", .right)])
    for (operation, entry) in operations {
      byOperation.add([
        operation.rawValue, entry.calls > 0 ? NumberText.grouped(entry.calls) : "", time(entry.nanoseconds),
        share(entry.nanoseconds),
      ])
    }
    byOperation.add(["total", "", time(total), share(total)])
    var byLayer = TextTable([
      ("layer", .right), ("mixer", .left), ("mixer µs", .right), ("feed-forward µs", .right), ("share", .right),
    ])
    let before = nanoseconds(nil) + nanoseconds(.embedding)
    byLayer.add(["embedding", "", time(before), "", share(before)])
    for (index, mixer) in mixers.enumerated() {
      let parts = (nanoseconds(.mixer(layer: index)), nanoseconds(.feedForward(layer: index)))
      byLayer.add(["\(index)", mixer, time(parts.0), time(parts.1), share(parts.0 + parts.1)])
    }
    byLayer.add(["head", "", time(nanoseconds(.head)), "", share(nanoseconds(.head))])
    return """
      Profile of \(ErrorText.escape(model)), \(test.name): \(NumberText.fixed(100 * profile.unaccounted, 1)) % of the \
      time is between operations (other)

      \(byOperation.markdown)
      \(byLayer.markdown)
      """
  }
}

extension BenchmarkReport {
  var profiles: [ProfileReport] {
    results.compactMap { result in
      result.profile.map {
        ProfileReport(model: result.model, test: result.test, profile: $0, mixers: result.mixers)
      }
    }
  }

  var profileText: String { profiles.map(\.text).joined(separator: "\n") }
}
