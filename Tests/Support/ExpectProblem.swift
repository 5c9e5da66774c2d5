import HybridizeCore
import Testing

/// Expects that `body` throws an error of this kind, and gives the error for a closer look.
@discardableResult
public func expectProblem<Result>(
  _ problem: Problem, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Result
) -> HybridizeError? {
  do {
    let result = try body()
    Issue.record("expected \(problem.name), got \(result)\(note(comment))", sourceLocation: sourceLocation)
  } catch let error as HybridizeError {
    #expect(error.problem == problem, "\(ErrorText.render(error))\(note(comment))", sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record("expected \(problem.name), got \(error)\(note(comment))", sourceLocation: sourceLocation)
  }
  return nil
}

private func note(_ comment: Comment?) -> String { comment.map { " (\($0))" } ?? "" }
