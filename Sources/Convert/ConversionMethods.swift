import HybridizeRuntime

/// What a conversion can choose from: models and transfer rules. `standard` is what is built in.
public struct ConversionMethods: Sendable {
  public var catalog: Catalog
  public var transfers: [any TransferRule.Type]

  public init(
    catalog: Catalog = .standard, transfers: [any TransferRule.Type] = TransferRegistry.all
  ) {
    self.catalog = catalog
    self.transfers = transfers
  }

  public static let standard = ConversionMethods()
}
