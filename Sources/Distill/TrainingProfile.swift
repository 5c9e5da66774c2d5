import HybridizeCompute
import HybridizeCore

/// Where the time of a training went, and how fast matrices were multiplied.
public struct TrainingProfile: Sendable {
  private let profile: Profile
  private let limits: MachineLimits?

  init(_ profile: Profile, limits: MachineLimits?) {
    self.profile = profile
    self.limits = limits
  }

  /// The share of the time in matrix products of layers and head.
  public var productShare: Double { share(.linear) }
  /// Multiplications and additions a second in these.
  public var productRate: Double {
    let entry = profile[.linear]
    return entry.nanoseconds > 0 ? Double(entry.arithmetic) / Double(entry.nanoseconds) * 1e9 : 0
  }

  private func share(_ operation: Profile.Operation) -> Double {
    let total = profile.nanoseconds
    return total > 0 ? Double(profile[operation].nanoseconds) / Double(total) : 0
  }

  private var operations: [Profile.Operation] {
    Profile.Operation.allCases.filter { profile[$0].nanoseconds > 0 }
      .sorted { profile[$0].nanoseconds > profile[$1].nanoseconds }
  }

  var json: JSONObject {
    [
      "seconds": .double(Double(profile.nanoseconds) / 1e9),
      "shares": .object(
        operations.reduce(into: JSONObject()) { $0[$1.rawValue] = .double(share($1)) }),
      "product_flops": .double(productRate),
      "product_flops_limit": limits.map { .double($0.matrixProduct) } ?? .null,
    ]
  }

  var text: String {
    let shares = operations.prefix(6).map { "\($0.rawValue) \(NumberText.fixed(100 * share($0), 1)) %" }
    let limit = limits.map { ", \(NumberText.fixed(100 * productRate / $0.matrixProduct, 0)) % of the machine's" }
    return shares.joined(separator: ", ")
      + "; products at \(NumberText.fixed(productRate / 1e9, 1)) GFLOP/s" + (limit ?? "")
  }
}
