import HybridizeCore

extension Pipeline {
  /// Chooses layers.
  ///
  /// - Throws: `.unknownSelector`; what `SelectionRun` and the selector throw.
  public func select(
    _ request: SelectionRequest, selectors: [any Selector.Type] = SelectorRegistry.all
  ) throws(HybridizeError) -> SelectionReport {
    let methods = try selectorsOf(request, selectors)
    let run = try SelectionRun(request, on: backend, progress: progress)
    var selections: [Selection] = []
    for selector in methods {
      let before = run.cost
      let clock = ContinuousClock()
      let start = clock.now
      var selection = try selector.select(run)
      selection.cost = SelectionCost(
        judgedTokens: run.cost.judgedTokens - before.judgedTokens,
        trainedTokens: run.cost.trainedTokens - before.trainedTokens, seconds: (clock.now - start).inSeconds)
      if let shortage = run.shortage { selection.notes.append(shortage) }
      selections.append(selection)
    }
    var quality: [SelectionQuality] = []
    if request.measuresQuality { for selection in selections { quality.append(try SelectionQuality(selection, run)) } }
    return SelectionReport(request, selections, quality)
  }

  /// What a selection would take: tokens by counting, seconds by timing the teacher on a few of them.
  ///
  /// - Throws: as `select`.
  public func expectedCost(
    _ request: SelectionRequest, selectors: [any Selector.Type] = SelectorRegistry.all
  ) throws(HybridizeError) -> SelectionCost {
    let methods = try selectorsOf(request, selectors)
    let run = try SelectionRun(request, on: backend, progress: progress)
    var cost = SelectionCost()
    for selector in methods {
      let one = try selector.expectedCost(run)
      cost.judgedTokens += one.judgedTokens
      cost.trainedTokens += one.trainedTokens
    }
    guard cost.judgedTokens + cost.trainedTokens > 0 else { return cost }
    cost.seconds = try run.expectedSeconds(cost)
    return cost
  }

  private func selectorsOf(
    _ request: SelectionRequest, _ selectors: [any Selector.Type]
  ) throws(HybridizeError) -> [any Selector] {
    var found: [any Selector] = []
    for name in [request.method] + request.compared {
      found.append(try SelectorRegistry.selector(named: name, of: selectors))
    }
    return found
  }
}
