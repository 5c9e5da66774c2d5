import HybridizeRuntime

/// What a conversion can choose from: models, transfer rules and selectors. `standard` is what is built in.
public struct ConversionMethods: Sendable {
  public var catalog: Catalog
  public var transfers: [any TransferRule.Type]
  public var selectors: [any Selector.Type]

  public init(
    catalog: Catalog = .standard, transfers: [any TransferRule.Type] = TransferRegistry.all,
    selectors: [any Selector.Type] = SelectorRegistry.all
  ) {
    self.catalog = catalog
    self.transfers = transfers
    self.selectors = selectors
  }

  public static let standard = ConversionMethods()
}
