import HybridizeCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

#if canImport(Glibc)
  private let systemWrite = Glibc.write
#else
  private let systemWrite = Darwin.write
#endif

/// Standard output for results, standard error for everything else.
enum Terminal {
  static func out(_ text: String, newline: Bool = true) { write(text + (newline ? "\n" : ""), to: STDOUT_FILENO) }

  static func error(_ text: String) {
    if !text.isEmpty { write(text + "\n", to: STDERR_FILENO) }
  }

  /// Text on standard error without a newline, for a line that is drawn again.
  static func status(_ text: String) { write(text, to: STDERR_FILENO) }

  /// An error in words on standard error; with `--json` also as an object on standard output.
  static func fail(_ failure: HybridizeError, json: Bool) {
    let red = isColoured ? ("\u{1B}[31m", "\u{1B}[0m") : ("", "")
    error("\(red.0)error:\(red.1) " + ErrorText.render(failure))
    if json { show(failure) }
  }

  /// An error as one JSON object on standard output.
  static func show(_ failure: HybridizeError) {
    out(
      JSONWriter.indented(
        .object(["schema": .string("hybridize.error/1"), "error": ErrorText.json(failure)])), newline: false)
  }

  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// How wide the terminal of standard error is; 80 where it does not say.
  static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Colour on a terminal, unless the user does not want any (no-color.org).
  static var isColoured: Bool { errorIsTerminal && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true }

  /// A file that grows beyond the limit of its user makes a write fail then, which is reported, instead of ending the
  /// program with its output half made.
  static func ignoreFileSizeSignal() { signal(SIGXFSZ, SIG_IGN) }

  static func leave(_ code: Int32) -> Never { exit(code) }

  /// Writes all of it; what a closed pipe does not take is nobody's loss.
  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
