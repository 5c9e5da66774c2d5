/// Command lines in the shell blocks of a Markdown page.
enum ShellBlocks {
  struct UnknownLine: Error, Equatable {
    let line: String
  }

  /// The commands of the blocks tagged `sh` that run the program, in order, with `hybridize` as its name.
  ///
  /// Set-up and remarks are passed over: `make`, `git`, `cd`, `export PATH` and comments.
  ///
  /// - Throws: `UnknownLine` for any other line, so that nothing in such a block goes unchecked.
  static func commands(in page: String) throws(UnknownLine) -> [String] {
    var commands: [String] = []
    var isInside = false
    var open = ""
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      let line = line.drop { $0 == " " }
      if line.hasPrefix("```") {
        isInside = !isInside && line == "```sh"
        continue
      }
      guard isInside, !line.isEmpty || !open.isEmpty else { continue }
      if line.hasSuffix("\\") {
        open += line.dropLast()
        continue
      }
      let command = open + line
      open = ""
      if isPassedOver(command) { continue }
      commands.append(try named(command))
    }
    return commands
  }

  private static func isPassedOver(_ line: String) -> Bool {
    ["#", "make ", "git ", "cd ", "export PATH"].contains { line.hasPrefix($0) } || line == "make"
  }

  private static func named(_ line: String) throws(UnknownLine) -> String {
    for name in ["hybridize", ".build/release/hybridize"] where line == name || line.hasPrefix(name + " ") {
      return "hybridize" + line.dropFirst(name.count)
    }
    throw UnknownLine(line: line)
  }
}
