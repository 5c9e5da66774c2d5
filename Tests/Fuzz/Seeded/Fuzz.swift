import FuzzSupport
import HybridizeCore
import HybridizeFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A seeded mutation fuzzer over every format that is read:
///
///     fuzz CORPUS… [--cases 200000] [--seed 1] [--largest 65536]
///
/// Each case damages a file of the corpus, opens it as whatever it then looks like, and reads all of every tensor, whole
/// and in ranges, or all documents of a text;
/// a tokenizer encodes and decodes, a chat template is rendered. It ends well in a value or in a `HybridizeError` about the input. A trap ends the process with the seed
/// of the case on the last line; a case of more than ten seconds, memory beyond twice the largest file and 64 MiB end it
/// with exit code 1.
@main
struct Fuzz {
  static func main() {
    var corpus: [String] = []
    var options = ["--cases": 200_000, "--seed": 1, "--largest": 1 << 16]
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      if options[argument] != nil, let value = arguments.popFirst().flatMap({ Int($0) }) {
        options[argument] = value
      } else {
        corpus.append(argument)
      }
    }
    guard let cases = options["--cases"], let seed = options["--seed"], let largest = options["--largest"] else {
      return
    }
    do {
      let seeds = try read(corpus, largest: largest)
      guard !seeds.isEmpty else { fail("no file of at most \(largest) bytes in the corpus") }
      try run(seeds, cases: cases, seed: UInt64(seed), largest: largest)
    } catch {
      fail("\(error)")
    }
  }

  /// Files of the corpus, directories included, that are small enough and of a format that is known: what is none needs no
  /// damage to be refused.
  private static func read(_ paths: [String], largest: Int) throws -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    for path in paths {
      if FileSystem.isDirectory(path) {
        files += try read(FileSystem.list(path).map { FileSystem.join(path, $0) }, largest: largest)
      } else if try FileSystem.size(path) <= largest, isKnown(path) {
        files.append((path, try FileSystem.read(path, limit: largest)))
      }
    }
    return files
  }

  /// A name from its first dot on.
  private static func ending(of path: String) -> String { String(FileSystem.name(of: path).drop { $0 != "." }) }

  private static func isKnown(_ path: String) -> Bool {
    if Reading.kind(path) != .checkpoint { return true }
    do throws(HybridizeError) { _ = try FormatRegistry.open(path) } catch { return error.problem != .unknownFormat }
    return true
  }

  private static func run(
    _ corpus: [(name: String, bytes: [UInt8])], cases: Int, seed: UInt64, largest: Int
  ) throws {
    let start = temporaryFile()
    defer { unlink(start) }
    let clock = ContinuousClock()
    let before = ProcessMemory.peakBytes
    var (sound, refused) = (0, [String: Int]())
    var slowest = Duration.zero
    for index in 0..<cases {
      var random = SeededGenerator(seed: seed, stream: "case \(index)")
      let source = corpus[random.index(below: corpus.count)]
      var bytes = source.bytes
      // What is no checkpoint is read as its name says.
      let path = start + (Reading.kind(source.name) == .checkpoint ? "" : ending(of: source.name))
      defer { if path != start { unlink(path) } }
      Mutation.apply(to: &bytes, limit: 2 * largest, &random)
      write(bytes, to: path)
      // Kept unbuffered on standard error, so that a trap leaves it as the last line.
      status("case \(index) of seed \(seed), from \(source.name)")
      let start = clock.now
      do throws(HybridizeError) {
        try Reading.read(path)
        sound += 1
      } catch {
        guard error.category == .inputFile else { fail("a fault of the input is reported as another: \(error)") }
        refused[error.problem.name, default: 0] += 1
      }
      slowest = max(slowest, clock.now - start)
      guard slowest < .seconds(10) else { fail("a case takes \(slowest)") }
    }
    let memory = ProcessMemory.peakBytes - before
    print("\nfuzz: \(cases) cases, seed \(seed): \(sound) read, \(cases - sound) refused")
    for (name, count) in refused.sorted(by: { $0.value > $1.value }) { print("  \(count) \(name)") }
    print("slowest case \(slowest), memory \(NumberText.bytes(memory)) above the start")
    guard isSanitized || memory <= 4 * largest + 64 << 20 else { fail("memory beyond the bound") }
  }

  /// A sanitizer's own memory would hide ours.
  private static var isSanitized: Bool { dlsym(nil, "__asan_init") != nil }

  private static func temporaryFile() -> String {
    var template = Array("/tmp/hybridize-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { fail("no temporary file") }
    close(descriptor)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "wb") else { fail("cannot write \(path)") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { fail("cannot write \(path)") }
  }

  private static func status(_ text: String) {
    let line = "\r" + text + "\u{1B}[K"
    _ = line.withCString { cString in
      #if canImport(Glibc)
        Glibc.write(STDERR_FILENO, cString, strlen(cString))
      #else
        Darwin.write(STDERR_FILENO, cString, strlen(cString))
      #endif
    }
  }

  static func fail(_ text: String) -> Never {
    status("\n" + text + "\n")
    exit(1)
  }
}
