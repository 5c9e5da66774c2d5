import HybridizeConvert
import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// Students whose layers were aligned apart, for instance as the jobs of an array on a cluster, as one: each layer's mixer from
/// the student in which it was aligned.
public struct LayerMerge: Sendable {
  /// All of one source and one conversion; what no alignment has touched is the first one's.
  public let students: [ModelDirectory]
  /// By layer, an index of `students`.
  public let sources: [Int: Int]
  /// Of all students but the first, whose manifest has its own.
  private let records: [JSONObject]

  /// - Parameter catalog: what models can be made of.
  /// - Throws: what opening models throws; `.noAlignment`, `.alignedTwice`, `.modelsDoNotFit`.
  public init(_ paths: [String], catalog: Catalog = .standard) throws(HybridizeError) {
    var students: [ModelDirectory] = []
    var sources: [Int: Int] = [:]
    var records: [JSONObject] = []
    for path in paths {
      let student = try ModelDirectory(path, catalog: catalog)
      if let first = students.first, first.configuration.source != student.configuration.source {
        throw HybridizeError(
          .modelsDoNotFit, file: student.path, expected: "the configuration of \(first.path)", found: "another")
      }
      let training = try Self.alignments(student)
      for layer in training.flatMap(\.layers) {
        if let other = sources[layer], other != students.count {
          throw HybridizeError(
            .alignedTwice, file: student.path, expected: "each layer aligned in one of the students",
            found: "layer \(layer) also in \(students[other].path)")
        }
        sources[layer] = students.count
      }
      if !students.isEmpty { records += training.map(\.record) }
      students.append(student)
    }
    self.students = students
    self.sources = sources
    self.records = records
  }

  /// The alignments that a student's manifest tells of.
  private static func alignments(
    _ student: ModelDirectory
  ) throws(HybridizeError) -> [(layers: [Int], record: JSONObject)] {
    let path = FileSystem.join(student.path, Manifest.fileName)
    let manifest = try Manifest.read(in: student.path)?.objectValue
    let records = manifest?["training"]?.arrayValue?.compactMap(\.objectValue) ?? []
    let aligned = records.filter {
      $0["settings"]?.objectValue?["stage"]?.stringValue == TrainingStage.align.rawValue
    }
    guard !aligned.isEmpty, aligned.count == records.count else {
      throw HybridizeError(
        .noAlignment, file: path, expected: "a student that was aligned and no more",
        found: aligned.isEmpty ? "no alignment" : "a later stage")
    }
    let converted = Set(student.configuration.convertedLayers)
    return try aligned.map { (record) throws(HybridizeError) in
      let layers = record["layers"]?.arrayValue?.compactMap(\.integerValue) ?? []
      guard !layers.isEmpty, layers.allSatisfy(converted.contains) else {
        throw HybridizeError(.noAlignment, file: path, expected: "training.layers: converted layers")
      }
      return (layers, record)
    }
  }

  /// - Throws: `.outputExists`, `.cannotWrite`, reading errors.
  public func write(to path: String, progress: Progress) throws(HybridizeError) {
    let base = students[0]
    for student in students { student.noting(progress) }
    var owners: [String: ModelDirectory] = [:]
    for (layer, source) in sources {
      for tensor in base.layout.layers[layer].mixer { owners[tensor.name] = students[source] }
    }
    let aligned = LayerList.text(sources.keys.sorted())
    try DistilledCheckpoint(
      student: base, records: records,
      summary: "Layers \(aligned) were aligned in \(NumberText.counted(students.count, "part")).", curves: [],
      elementType: { owners[$0.name]?.reader.descriptor(named: $0.name)?.elementType },
      values: { (tensor) throws(HybridizeError) in try owners[tensor.name]?.reader.tensor(named: tensor.name) }
    ).write(to: path, progress: progress)
  }

  public var json: JSONObject {
    [
      "schema": .string("hybridize.merge/1"),
      "layers": .array(
        sources.sorted { $0.key < $1.key }.map {
          .object(["layer": .integer($0.key), "from": .string(students[$0.value].path)])
        }),
    ]
  }

  public var text: String {
    students.indices.map { index in
      let layers = sources.filter { $0.value == index }.keys.sorted()
      return "layers \(LayerList.text(layers)) from \(ErrorText.escape(students[index].path))\n"
    }.joined()
  }
}

extension Problem {
  public static let noAlignment = Problem("noAlignment", .argument, "nothing says which layers were aligned")
  public static let alignedTwice = Problem("alignedTwice", .argument, "a layer was aligned more than once")
}
