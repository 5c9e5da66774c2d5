import HybridizeCore

/// Visits every object of a file, through hard links and through soft links within it.
struct HDF5Walk {
  private(set) var objects: [HDF5File.Object] = []
  private(set) var positions: [UTF8Key: Int] = [:]
  private let input: HDF5Input
  private let root: Int
  private var attributeReader = HDF5AttributeReader()
  /// What has been read of an object, by its address: each is read once.
  private var known: [Int: Node] = [:]

  private struct Node {
    let attributes: HDF5Attributes
    let dataset: HDF5Dataset?
    let links: [HDF5Link]
  }

  /// What is still to be visited.
  private struct Visit {
    let path: String
    let address: Int
    /// The groups above it.
    let ancestors: [Int]
  }

  init(_ input: HDF5Input, root: Int) {
    self.input = input
    self.root = root
  }

  mutating func run() throws(HybridizeError) {
    var pending = [Visit(path: "/", address: root, ancestors: [])]
    while let visit = pending.popLast() {
      do throws(HybridizeError) {
        try self.visit(visit, &pending)
      } catch {
        throw error.inTensor(visit.path)
      }
    }
    if objects[0].dataset != nil {
      throw HybridizeError(.hdf5Corrupt, tensor: "/", expected: "a group at the root", found: "a dataset")
    }
  }

  private mutating func visit(_ visit: Visit, _ pending: inout [Visit]) throws(HybridizeError) {
    guard objects.count < HDF5Limits.objects else {
      throw HybridizeError(.hdf5TooManyObjects, expected: "at most \(HDF5Limits.objects)")
    }
    guard !visit.ancestors.contains(visit.address) else {
      throw HybridizeError(.hdf5LinkCycle, expected: "groups without a cycle", found: "a link back to a group above")
    }
    guard visit.ancestors.count <= HDF5Limits.depth else {
      throw HybridizeError(.hdf5TooDeep, expected: "at most \(HDF5Limits.depth) levels")
    }
    let node = try node(at: visit.address)
    // What is kept for every path, with the tables of those that use it.
    try input.charge(visit.path.utf8.count + 256)
    positions[UTF8Key(visit.path)] = objects.count
    objects.append(
      HDF5File.Object(
        path: visit.path, address: visit.address, attributes: node.attributes, dataset: node.dataset))
    let ancestors = visit.ancestors + [visit.address]
    // Backwards, so that the first is taken first.
    for link in node.links.reversed() {
      let path = visit.path == "/" ? "/" + link.name : visit.path + "/" + link.name
      try input.charge(path.utf8.count + 8 * ancestors.count)
      do throws(HybridizeError) {
        pending.append(
          Visit(path: path, address: try address(of: link, in: ancestors), ancestors: ancestors))
      } catch {
        throw error.inTensor(path)
      }
    }
  }

  private mutating func node(at address: Int) throws(HybridizeError) -> Node {
    if let node = known[address] { return node }
    let header = try HDF5ObjectHeader(input, at: address)
    let attributes = try attributeReader.attributes(input, header)
    let isDataset = header.messages.contains { $0.kind == .layout || $0.kind == .dataspace }
    let isType = !isDataset && header.messages.contains { $0.kind == .datatype }
    guard !isType else {
      throw HybridizeError(.hdf5CommittedType, expected: "a group or a dataset", found: "a committed datatype")
    }
    let node = Node(
      attributes: attributes, dataset: isDataset ? try HDF5Dataset(input, header, attributes) : nil,
      links: isDataset ? [] : try HDF5Link.all(input, header))
    known[address] = node
    return node
  }

  // MARK: Soft links

  private mutating func address(of link: HDF5Link, in groups: [Int]) throws(HybridizeError) -> Int {
    switch link.target {
    case .object(let address): return address
    case .soft(let path):
      var remaining = HDF5Limits.softLinks
      let found = try resolve(path, in: groups, &remaining)
      return found.last ?? root
    }
  }

  /// Follows a path.
  ///
  /// - Parameters:
  ///   - groups: the group that the path is relative to, last, and those above it.
  ///   - remaining: how many more soft links may be met on the way.
  /// - Returns: the groups above the object, and the object last.
  private mutating func resolve(
    _ path: String, in groups: [Int], _ remaining: inout Int
  ) throws(HybridizeError) -> [Int] {
    remaining -= 1
    guard remaining >= 0 else {
      throw HybridizeError(
        .hdf5SoftLinkLoop, expected: "at most \(HDF5Limits.softLinks) links to one object", found: path)
    }
    try input.charge(path.utf8.count)
    var place = path.hasPrefix("/") ? [root] : groups
    for name in path.split(separator: "/") where name != "." {
      guard let group = place.last else { break }
      let links = try node(at: group).links
      try input.charge(64)
      guard let link = Self.find(String(name), in: links) else {
        throw HybridizeError(.hdf5DanglingLink, expected: "an object at \(path)", found: "no \"\(name)\"")
      }
      switch link.target {
      case .object(let address): place.append(address)
      case .soft(let next): place = try resolve(next, in: place, &remaining)
      }
    }
    return place
  }

  /// Links are sorted by the bytes of their names.
  private static func find(_ name: String, in links: [HDF5Link]) -> HDF5Link? {
    var low = 0
    var high = links.count
    while low < high {
      let middle = (low + high) / 2
      if links[middle].name.utf8.lexicographicallyPrecedes(name.utf8) { low = middle + 1 } else { high = middle }
    }
    return low < links.count && UTF8Key(links[low].name) == UTF8Key(name) ? links[low] : nil
  }

  // MARK: Data

  /// Checks that no byte of the file is data of two datasets or of two chunks.
  func checkOverlaps() throws(HybridizeError) {
    var seen = Set<Int>()
    var extents: [(range: Range<Int>, object: Int)] = []
    for (index, object) in objects.enumerated() {
      guard let dataset = object.dataset, seen.insert(object.address).inserted else { continue }
      for range in dataset.extents where !range.isEmpty { extents.append((range, index)) }
    }
    extents.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (one, next) in zip(extents, extents.dropFirst()) where one.range.overlaps(next.range) {
      throw HybridizeError(
        .hdf5Overlap, tensor: objects[next.object].path, offset: input.source.origin + next.range.lowerBound,
        expected: "bytes of its own", found: "bytes of \(objects[one.object].path)")
    }
  }
}
