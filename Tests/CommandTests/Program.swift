import Foundation
import HybridizeCore
import TestSupport

/// The built program, run as a user runs it: arguments, an environment, a working directory, standard input closed.
struct Program: Sendable {
  /// What a run has left behind.
  struct Outcome: Sendable {
    let status: Int32
    let output: [UInt8]
    let error: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// Standard output as one JSON object and nothing else, by two parsers.
    ///
    /// - Throws: what either parser throws.
    func json() throws -> JSONObject {
      _ = try JSONSerialization.jsonObject(with: Data(output))
      guard let object = try JSONCursor.parse(output).objectValue else { throw NotAnObject(text: text) }
      return object
    }
  }

  struct NotAnObject: Error {
    let text: String
  }

  /// Where relative paths start.
  var directory = Fixtures.root
  /// Added to the environment of the tests.
  var environment: [String: String] = [:]

  /// Runs the program to its end. What it writes goes to files, so that no full pipe can stop it.
  func run(_ arguments: [String]) async throws -> Outcome {
    try await Self.run(Self.executable, arguments, in: directory, environment: environment)
  }

  func run(_ arguments: String...) async throws -> Outcome { try await run(arguments) }

  /// Runs a command line in a shell, which finds the program under the name `hybridize`.
  func run(shell line: String) async throws -> Outcome {
    let path = Self.executable.deletingLastPathComponent().path + ":/usr/bin:/bin"
    return try await Self.run(
      URL(fileURLWithPath: "/bin/sh"), ["-c", line], in: directory,
      environment: environment.merging(["PATH": path]) { $1 })
  }

  /// Runs the program with standard error on a terminal, and gives what appears there.
  func runOnTerminal(_ arguments: [String]) async throws -> String {
    var (terminal, screen): (Int32, Int32) = (-1, -1)
    guard openpty(&terminal, &screen, nil, nil, nil) == 0 else { throw NoTerminal() }
    defer { close(terminal) }
    let error = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
    _ = try await Self.start(
      Self.executable, arguments, in: directory, environment: environment, output: FileHandle.nullDevice, error: error)
    close(screen)
    // The system keeps what the program wrote; when that is read, reading fails, as nobody has the screen open.
    var shown: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while case let count = read(terminal, &piece, piece.count), count > 0 { shown += piece[..<count] }
    return String(decoding: shown, as: UTF8.self)
  }

  struct NoTerminal: Error {}

  private static func run(
    _ executable: URL, _ arguments: [String], in directory: String, environment: [String: String]
  ) async throws -> Outcome {
    let scratch = TemporaryDirectory()
    let output = FileHandle(forWritingAtPath: scratch.write("output", ""))
    let error = FileHandle(forWritingAtPath: scratch.write("error", ""))
    let status = try await start(
      executable, arguments, in: directory, environment: environment, output: output, error: error)
    return Outcome(
      status: status, output: scratch.bytes("output"), error: String(decoding: scratch.bytes("error"), as: UTF8.self))
  }

  /// - Returns: the exit code, or the signal that ended the program as a negative number.
  private static func start(
    _ executable: URL, _ arguments: [String], in directory: String, environment: [String: String],
    output: FileHandle?, error: FileHandle?
  ) async throws -> Int32 {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = error
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  /// Beside the test bundle in the build folder.
  static let executable: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? Bundle.main
    let url =
      bundle.bundleURL.pathExtension == "xctest" ? bundle.bundleURL.deletingLastPathComponent() : bundle.bundleURL
    return url.appendingPathComponent("hybridize")
  }()
}
