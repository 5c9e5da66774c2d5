import HybridizeCore
import HybridizeRuntime

/// Tasks that somebody asks for by name, with the sizes of their prompts.
public struct TaskRequest: Sendable {
  /// Whether the model also writes the answers.
  public let greedy: Bool
  private let entries: [(generator: any TaskGenerator.Type, sizes: [TaskSizes])]

  /// - Parameters:
  ///   - names: of tasks, or `all`.
  ///   - settings: sizes other than a task's own, for instance `needle.length=512,1024`; prompts are made for every
  ///     combination.
  ///   - generators: the tasks to choose from.
  /// - Throws: `.badArgument` for a task or size that is not there, or is there twice, and for a number that it cannot
  ///   have.
  public init(
    _ names: [String], sizes settings: [String] = [], greedy: Bool = false,
    among generators: [any TaskGenerator.Type] = TaskRegistry.all
  ) throws(HybridizeError) {
    self.greedy = greedy
    let known = generators.map { $0.name }
    let names = names == ["all"] ? known : names
    for (place, name) in names.enumerated() where names[..<place].contains(name) {
      throw HybridizeError(.badArgument, expected: "tasks that all differ", found: "\(name) twice")
    }
    var chosen: [any TaskGenerator.Type] = []
    for name in names {
      guard let generator = generators.first(where: { $0.name == name }) else {
        throw HybridizeError(
          .badArgument, expected: "tasks: all, or some of \(known.joined(separator: ", "))", found: name)
      }
      chosen.append(generator)
    }
    let numbers = try Self.numbers(settings, of: chosen)
    entries = chosen.map { generator in
      (
        generator,
        TaskSizes.combinations(
          generator.sizes.map { ($0.name, numbers["\(generator.name).\($0.name)"] ?? $0.defaults) })
      )
    }
  }

  /// The numbers of each size that is set, under `task.size`.
  private static func numbers(
    _ settings: [String], of generators: [any TaskGenerator.Type]
  ) throws(HybridizeError) -> [String: [Double]] {
    var numbers: [String: [Double]] = [:]
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      let sizes = generators.flatMap { generator in generator.sizes.map { (task: generator.name, size: $0) } }
      guard parts.count == 2, let found = sizes.first(where: { "\($0.task).\($0.size.name)" == name }) else {
        let names = sizes.map { "\($0.task).\($0.size.name)" }.joined(separator: ", ")
        throw HybridizeError(
          .badArgument, expected: "a size of a task that is asked for and its numbers, such as SIZE=8,16: \(names)",
          found: setting)
      }
      let values = try found.size.parse(String(parts[1]), of: found.task)
      guard numbers.updateValue(values, forKey: name) == nil else {
        throw HybridizeError(.badArgument, expected: "sizes that all differ", found: "\(name) twice")
      }
    }
    return numbers
  }

  /// The prompts, so many of each task and combination of sizes.
  ///
  /// - Throws: as `EvaluationTask`.
  public func tasks(
    prompts: Int, words: [String], seed: UInt64, tokenizer: Tokenizer
  ) throws(HybridizeError) -> [EvaluationTask] {
    var tasks: [EvaluationTask] = []
    for entry in entries {
      for sizes in entry.sizes {
        tasks.append(
          try EvaluationTask(
            entry.generator, sizes, prompts: prompts, words: words, seed: seed, tokenizer: tokenizer))
      }
    }
    return tasks
  }
}
