import HybridizeFormats
import TestSupport
import Testing

@Suite("the README")
struct ReadmeTests {
  static let sample = """
    A page with a block that is run:

    ```sh
    git clone elsewhere && cd elsewhere
    make setup
    export PATH=.build/release:$PATH
    # A comment.
    hybridize convert fixtures/recall-llama-6m hybrid --keep 0,6   # a remark

    .build/release/hybridize verify fixtures/recall-llama-6m hybrid \\
      --text fixtures/text/heldout.jsonl --documents 1 --length 16
    hybridize generate hybrid --prompt 'One "day"' -n 4 | head -c 100
    ```

    and others that are not:

    ```
    hybridize frobnicate
    ```

    ```swift
    hybridize.run()
    ```
    """

  /// Runs the commands of a page in order, in a directory that looks like a checkout; gives what failed.
  private func failures(_ page: String) async throws -> [String] {
    let scratch = TemporaryDirectory()
    scratch.link("fixtures", to: Fixtures.path(""))
    var failures: [String] = []
    for command in try ShellBlocks.commands(in: page) {
      let outcome = try await Program(directory: scratch.path).run(shell: command)
      if outcome.status != 0 { failures.append("\(command): exit \(outcome.status), \(outcome.error)") }
    }
    return failures
  }

  @Test("every command line in it runs", .tags(.slow))
  func readme() async throws {
    let page = try FileSystem.read(Fixtures.root + "/README.md", limit: 1 << 20)
    #expect(try await failures(String(decoding: page, as: UTF8.self)) == [])
  }

  @Test("every command line of the page on distillation runs, on few tokens", .tags(.slow))
  func distillation() async throws {
    let page = String(decoding: try FileSystem.read(Fixtures.root + "/docs/distill.md", limit: 1 << 20), as: UTF8.self)
    let short = page.replacing(/--tokens [0-9]+/) { _ in "--tokens 6000" }
    #expect(short != page)
    #expect(try await failures(short) == [])
  }

  @Test("every command line of the page on selection runs, on few tokens", .tags(.slow))
  func selection() async throws {
    let page = String(decoding: try FileSystem.read(Fixtures.root + "/docs/select.md", limit: 1 << 20), as: UTF8.self)
    let short = page.replacing(/--tokens [0-9]+/) { _ in "--tokens 2000" }
      .replacing("hybridize select ", with: "hybridize select --sequences 2 --length 64 --prompts 2 ")
    #expect(short != page)
    #expect(try await failures(short) == [])
  }

  @Test("every command line of the page on evaluation runs, on few prompts", .tags(.slow))
  func evaluation() async throws {
    let page = String(decoding: try FileSystem.read(Fixtures.root + "/docs/evaluate.md", limit: 1 << 20), as: UTF8.self)
    let few = page.replacing(/--prompts [0-9]+/) { _ in "" }
      .replacing(/hybridize eval\s/) { _ in "hybridize eval --documents 2 --prompts 2 " }
    #expect(few != page)
    #expect(try await failures(few) == [])
  }

  @Test("command lines are found in its shell blocks, joined over line ends")
  func commands() throws {
    let commands = try ShellBlocks.commands(in: Self.sample)
    #expect(
      commands == [
        "hybridize convert fixtures/recall-llama-6m hybrid --keep 0,6   # a remark",
        "hybridize verify fixtures/recall-llama-6m hybrid --text fixtures/text/heldout.jsonl --documents 1 --length 16",
        #"hybridize generate hybrid --prompt 'One "day"' -n 4 | head -c 100"#,
      ])
  }

  @Test("a page of commands that work passes, one with a command that does not fails")
  func sampleRuns() async throws {
    #expect(try await failures(Self.sample) == [])
    let broken = "```sh\nhybridize inspect fixtures/recall-llama-6m\nhybridize inspect fixtures/nowhere\n```\n"
    let found = try await failures(broken)
    #expect(found.count == 1)
    #expect(found.first?.contains("fixtures/nowhere: exit 3") == true)
  }

  @Test("a line that cannot be run is an error", arguments: ["pip install hybridize", "hybridized x", "./run.sh"])
  func unknownLine(_ line: String) {
    #expect(throws: ShellBlocks.UnknownLine(line: line)) {
      try ShellBlocks.commands(in: "```sh\n\(line)\n```\n")
    }
  }
}
