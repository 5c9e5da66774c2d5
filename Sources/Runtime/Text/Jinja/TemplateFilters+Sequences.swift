import HybridizeCore

extension TemplateFilters {
  /// Filters of sequences as wholes; `nil` if there is none of the name.
  func ofSequences(_ name: String, _ value: TemplateValue) throws(HybridizeError) -> TemplateValue? {
    switch name {
    case "length", "count":
      try noArguments(name)
      return .integer(try interpreter.length(of: value))
    case "list":
      try noArguments(name)
      return try list(try value.elements(budget))
    case "first":
      try noArguments(name)
      if case .iterator(let iterator) = value { return try iterator.next() ?? empty("first") }
      return try value.elements(budget).first ?? empty("first")
    case "last":
      try noArguments(name)
      if case .iterator = value { throw TemplateFault.failed("'generator' object is not reversible") }
      return try value.elements(budget).last ?? empty("last")
    case "reverse":
      try noArguments(name)
      if let text = value.text {
        try budget.spend(text: text.utf8.count)
        if case .markup = value { return .markup(Self.reversed(text)) }
        return .string(Self.reversed(text))
      }
      return try iterator(over: try list(Array(try value.elements(budget).reversed())))
    case "items":
      try noArguments(name)
      guard !value.isUndefined else { return try iterator(over: try list([])) }
      guard case .dictionary(let dictionary) = value else {
        throw TemplateFault.failed("Can only get item pairs from a mapping.")
      }
      let view = TemplateValue.view(TemplateView(kind: .items, dictionary: dictionary))
      return try iterator(over: try list(try view.elements(budget)))
    case "sort": return try sort(value)
    case "dictsort": return try dictionarySort(value)
    case "unique": return try unique(value)
    case "min", "max": return try extreme(name, value)
    case "batch": return try batch(value)
    case "slice": return try slices(value)
    case "groupby": return try group(value)
    default: return nil
    }
  }

  private static func reversed(_ text: String) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: text.unicodeScalars.reversed())
    return String(view)
  }

  private func empty(_ which: String) -> TemplateValue { .undefined("No \(which) item, sequence was empty.") }

  /// What gives the elements of a list once.
  private func iterator(over value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let items = try value.elements(budget)
    var place = 0
    return .iterator(
      try TemplateIterator(over: value) { () throws(HybridizeError) in
        guard place < items.count else { return nil }
        place += 1
        return items[place - 1]
      })
  }

  // MARK: Order

  private func sort(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["reverse", "case_sensitive", "attribute"], "sort")
    let caseSensitive = try values[1].flag()
    let items = try value.elements(budget)
    var keys: [TemplateValue] = []
    for item in items {
      var parts: [TemplateValue] = []
      for path in Self.paths(values[2]) {
        parts.append(try key(try attribute(path, of: item), caseSensitive: caseSensitive))
      }
      keys.append(try list(parts))
    }
    let order = try TemplateSort.order(keys, descending: try values[0].flag(), budget)
    return try list(order.map { items[$0] })
  }

  /// Several attributes have commas between them.
  private static func paths(_ attribute: TemplateValue?) -> [TemplateValue] {
    guard let text = attribute?.text else { return [attribute ?? .none] }
    return text.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) }
  }

  private func dictionarySort(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["case_sensitive", "by", "reverse"], "dictsort")
    guard case .dictionary(let dictionary) = value else {
      throw TemplateFault.failed("the filter 'dictsort' takes a dictionary, not a \(value.typeName)")
    }
    let by = try values[1].text("by") ?? "key"
    guard by == "key" || by == "value" else {
      throw TemplateFault.failed("You can only sort by either \"key\" or \"value\"")
    }
    let caseSensitive = try values[0].flag()
    var keys: [TemplateValue] = []
    for item in by == "key" ? dictionary.keys : dictionary.values {
      keys.append(try key(item, caseSensitive: caseSensitive))
    }
    var items: [TemplateValue] = []
    for place in try TemplateSort.order(keys, descending: try values[2].flag(), budget) {
      items.append(.tuple(try TemplateElements([dictionary.keys[place], dictionary.values[place]])))
    }
    return try list(items)
  }

  private func unique(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["case_sensitive", "attribute"], "unique")
    let caseSensitive = try values[0].flag()
    var seen: Set<TemplateKey> = []
    var items: [TemplateValue] = []
    for item in try value.elements(budget) {
      let key = try key(try attribute(values[1] ?? .none, of: item), caseSensitive: caseSensitive)
      if seen.insert(try TemplateKey(key, budget)).inserted { items.append(item) }
    }
    return try iterator(over: try list(items))
  }

  private func extreme(_ name: String, _ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["case_sensitive", "attribute"], name)
    let caseSensitive = try values[0].flag()
    var best: (item: TemplateValue, key: TemplateValue)?
    for item in try value.elements(budget) {
      let key = try key(try attribute(values[1] ?? .none, of: item), caseSensitive: caseSensitive)
      guard let current = best else {
        best = (item, key)
        continue
      }
      let isBetter =
        name == "min" ? try key.isLess(than: current.key, budget) : try current.key.isLess(than: key, budget)
      if isBetter { best = (item, key) }
    }
    return best?.item ?? .undefined("No aggregated item, sequence was empty.")
  }

  // MARK: Groups

  private func batch(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["linecount", "fill_with"], required: 1, "batch")
    let size = try values[0].integer("linecount", default: 0)
    var batches: [TemplateValue] = []
    var batch: [TemplateValue] = []
    for item in try value.elements(budget) {
      if batch.count == size {
        batches.append(try list(batch))
        batch = []
      }
      batch.append(item)
    }
    if !batch.isEmpty {
      if let fill = values[1], !fill.isNone, batch.count < size {
        try budget.spend(elements: size - batch.count)
        batch += [TemplateValue](repeating: fill, count: size - batch.count)
      }
      batches.append(try list(batch))
    }
    return try iterator(over: try list(batches))
  }

  private func slices(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["slices", "fill_with"], required: 1, "slice")
    let count = try values[0].integer("slices", default: 0)
    let items = try value.elements(budget)
    guard count != 0 else { throw TemplateFault.failed("integer division or modulo by zero") }
    guard count > 0 else { return try iterator(over: try list([])) }
    try budget.spend(elements: count)
    let (size, extra) = items.count.quotientAndRemainder(dividingBy: count)
    var slices: [TemplateValue] = []
    var start = 0
    for index in 0..<count {
      let end = start + size + (index < extra ? 1 : 0)
      var slice = Array(items[start..<end])
      if let fill = values[1], !fill.isNone, index >= extra { slice.append(fill) }
      slices.append(try list(slice))
      start = end
    }
    return try iterator(over: try list(slices))
  }

  private func group(_ value: TemplateValue) throws(HybridizeError) -> TemplateValue {
    let values = try bind(["attribute", "default", "case_sensitive"], required: 1, "groupby")
    let caseSensitive = try values[2].flag()
    let items = try value.elements(budget)
    var found: [TemplateValue] = []
    for item in items { found.append(try attribute(values[0] ?? .none, of: item, default: values[1])) }
    var keys: [TemplateValue] = []
    for value in found { keys.append(try key(value, caseSensitive: caseSensitive)) }
    var groups: [(name: TemplateValue, key: TemplateValue, items: [TemplateValue])] = []
    for place in try TemplateSort.order(keys, budget) {
      if let last = groups.last, try last.key.equals(keys[place], budget) {
        groups[groups.count - 1].items.append(items[place])
      } else {
        groups.append((found[place], keys[place], [items[place]]))
      }
    }
    var result: [TemplateValue] = []
    for group in groups {
      result.append(
        .tuple(try TemplateElements([group.name, try list(group.items)], names: ["grouper", "list"])))
    }
    return try list(result)
  }
}
