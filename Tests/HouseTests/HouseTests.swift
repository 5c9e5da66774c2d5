import Foundation
import TestSupport
import Testing

/// The rules of ARCHITECTURE.md that a compiler does not check.
@Suite("the rules of the house")
struct HouseTests {
  struct SourceFile: CustomTestStringConvertible {
    let path: String
    let text: String

    /// The folder of Sources that it lies in.
    var room: String { String(path.split(separator: "/")[1]) }
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var testDescription: String { path }
  }

  /// All Swift files under Sources, paths from the root of the checkout.
  static let sources: [SourceFile] = {
    let enumerator = FileManager.default.enumerator(atPath: Fixtures.root + "/Sources")
    return (enumerator?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }.sorted().map { name in
      let text = (try? String(contentsOfFile: Fixtures.root + "/Sources/" + name, encoding: .utf8)) ?? ""
      return SourceFile(path: "Sources/" + name, text: text)
    }
  }()

  private func expectNone(of pattern: String, in files: [SourceFile], _ rule: Comment) throws {
    let expression = try Regex(pattern)
    for file in files {
      for (number, line) in file.lines.enumerated() where line.contains(expression) {
        Issue.record("\(rule): \(file.path):\(number + 1): \(line)")
      }
    }
  }

  @Test("there are sources to look at")
  func found() {
    #expect(Set(Self.sources.map(\.room)).isSuperset(of: Self.below.keys))
    #expect(Self.sources.count > 100 && Self.sources.allSatisfy { !$0.text.isEmpty })
  }

  /// What each room may import, directly or through a room below.
  static let below: [String: Set<String>] = {
    let formats: Set = ["Core"]
    let runtime = formats.union(["Formats", "Compute"])
    let evaluation = runtime.union(["Runtime"])
    let convert = evaluation.union(["Evaluation"])
    let distill = convert.union(["Convert"])
    return [
      "Core": [], "Formats": formats, "Compute": formats, "Runtime": runtime, "Evaluation": evaluation,
      "Convert": convert, "Distill": distill, "hybridize": distill.union(["Distill"]),
    ]
  }()

  @Test("a module imports only what stands below it", arguments: below.keys.sorted())
  func imports(_ room: String) throws {
    for file in Self.sources where file.room == room {
      for match in file.text.matches(of: /(?m)^import Hybridize(\w+)/) {
        #expect(Self.below[room]?.contains(String(match.1)) == true, "\(file.path) imports \(match.1)")
      }
    }
  }

  @Test("layers and mixers name no element type: the same code runs in float32 and float64")
  func elementTypes() throws {
    let files = Self.sources.filter { $0.path.contains("/Runtime/Layers/") || $0.path.contains("/Runtime/Mixers/") }
    #expect(!files.isEmpty)
    try expectNone(of: #"\bFloat(16|32|64)?\b"#, in: files, "an element type in a layer or mixer")
  }

  @Test("thread safety is vouched for by hand in few places")
  func vouching() throws {
    let allowed = [
      "Sources/Core/StoredTensor.swift", "Sources/Compute/Tensor.swift", "Sources/Compute/CPU/ThreadPool.swift",
      "Sources/Formats/FileMap.swift", "Sources/Formats/Locked.swift",
      "Sources/Runtime/Text/Patterns/RegularExpression.swift",
    ]
    try expectNone(
      of: #"@unchecked|nonisolated\(unsafe\)|@preconcurrency"#,
      in: Self.sources.filter { !allowed.contains($0.path) }, "thread safety vouched for by hand")
  }

  @Test("nothing is left unfinished or forced")
  func unfinished() throws {
    try expectNone(
      of: #"TODO|FIXME|try!| as! |^import Foundation"#, in: Self.sources, "unfinished, forced or too heavy")
  }

  @Test("a file is one idea")
  func length() {
    for file in Self.sources { #expect(file.lines.count <= 400, "\(file.path)") }
  }
}
