import CPCRE2
import HybridizeCore

/// A regular expression of a tokenizer.json, in the syntax of Oniguruma, which PCRE2 runs.
///
/// Matching is bounded: a pattern that backtracks without end, or that looks through the rest of a text at every
/// character, is an error and not a hang.
final class RegularExpression: Sendable {
  /// As the file has it.
  let pattern: String
  /// Immutable once compiled; PCRE2 lets any number of threads match with it.
  private nonisolated(unsafe) let code: OpaquePointer

  /// A text may take so long, and a microsecond a byte more.
  private static let patience = Duration.seconds(10)
  /// Characters at which one call looks for a match, so that the clock is read between them.
  private static let window = 1024

  /// - Throws: `.tokenizerUnsupported` for a pattern that has no equivalent here.
  init(_ pattern: String) throws(HybridizeError) {
    self.pattern = pattern
    let translated = try RubyPattern.translated(pattern)
    var failure: Int32 = 0
    var offset = 0
    let context = pcre2_compile_context_create_8(nil)
    defer { pcre2_compile_context_free_8(context) }
    pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF))
    let options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C
    let code = Array(translated.utf8).withUnsafeBufferPointer {
      pcre2_compile_8($0.baseAddress, $0.count, options, &failure, &offset, context)
    }
    guard let code else {
      throw HybridizeError(
        .tokenizerUnsupported, expected: "a regular expression that is understood here",
        found: "\(pattern): \(Self.message(failure))")
    }
    self.code = code
    // Where there is no compiler for this processor, matching is slower and right all the same.
    pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
  }

  deinit { pcre2_code_free_8(code) }

  /// The matches within `range` of valid UTF-8, in order. What lies outside of the range is not seen by lookarounds and
  /// anchors. An empty match right behind another match is none.
  ///
  /// - Throws: `.tokenizerPatternRunsAway`.
  func matches(in bytes: [UInt8], _ range: Range<Int>) throws(HybridizeError) -> [Range<Int>] {
    var matcher = Matcher(code, clock: Clock(bytes: range.count))
    defer { matcher.free() }
    var matches: [Range<Int>] = []
    var from = 0
    var last = -1
    while from <= range.count {
      guard let match = try matcher.next(bytes, range, from: from, pattern) else { break }
      if match.isEmpty && match.lowerBound == last {
        from = matcher.characterEnd(bytes, range, match.upperBound)
        continue
      }
      from = match.upperBound
      last = match.upperBound
      matches.append(range.lowerBound + match.lowerBound..<range.lowerBound + match.upperBound)
    }
    return matches
  }

  /// The time that a text may take.
  private struct Clock {
    private let deadline: ContinuousClock.Instant

    init(bytes: Int) { deadline = .now + RegularExpression.patience + .microseconds(bytes) }

    func check(_ pattern: String) throws(HybridizeError) {
      guard .now > deadline else { return }
      throw RegularExpression.runsAway(pattern)
    }
  }

  /// What one pass over a text holds: PCRE2's memory for it.
  private struct Matcher {
    private let code: OpaquePointer
    private let data: OpaquePointer?
    private let context: OpaquePointer?
    private let clock: Clock

    init(_ code: OpaquePointer, clock: Clock) {
      self.code = code
      self.clock = clock
      data = pcre2_match_data_create_from_pattern_8(code, nil)
      context = pcre2_match_context_create_8(nil)
      pcre2_set_match_limit_8(context, 2_000_000)
      // In KiB.
      pcre2_set_heap_limit_8(context, 64 << 10)
    }

    func free() {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(context)
    }

    /// Where the character that begins at `offset` of the range ends.
    func characterEnd(_ bytes: [UInt8], _ range: Range<Int>, _ offset: Int) -> Int {
      var end = offset + 1
      while end < range.count, bytes[range.lowerBound + end] & 0xC0 == 0x80 { end += 1 }
      return end
    }

    /// The first match from `from` on, relative to the range.
    mutating func next(
      _ bytes: [UInt8], _ range: Range<Int>, from: Int, _ pattern: String
    ) throws(HybridizeError) -> Range<Int>? {
      var from = from
      while from <= range.count {
        let limit = min(from + RegularExpression.window, range.count)
        pcre2_set_offset_limit_8(context, limit)
        let result = run(bytes, range, from: from, PCRE2_NO_UTF_CHECK)
        switch result {
        case 1...:
          let found = pcre2_get_ovector_pointer_8(data)!
          return found[0]..<max(found[0], found[1])
        case PCRE2_ERROR_NOMATCH:
          guard limit < range.count else { return nil }
          try clock.check(pattern)
          from = characterEnd(bytes, range, limit)
        default: throw RegularExpression.runsAway(pattern)
        }
      }
      return nil
    }

    private func run(_ bytes: [UInt8], _ range: Range<Int>, from: Int, _ options: UInt32) -> Int32 {
      bytes.withUnsafeBufferPointer { buffer in
        let piece = UnsafeBufferPointer(rebasing: buffer[range])
        let start = piece.baseAddress ?? UnsafePointer(bitPattern: 1)!
        let result = pcre2_match_8(code, start, piece.count, from, options, data, context)
        // The compiled form has little room to backtrack; the interpreter has what the limits give.
        guard result == PCRE2_ERROR_JIT_STACKLIMIT else { return result }
        return pcre2_match_8(code, start, piece.count, from, options | PCRE2_NO_JIT, data, context)
      }
    }
  }

  private static func runsAway(_ pattern: String) -> HybridizeError {
    HybridizeError(
      .tokenizerPatternRunsAway, expected: "a match within the limits of backtracking and time",
      found: String(pattern.prefix(200)))
  }

  private static func message(_ code: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 256)
    let length = pcre2_get_error_message_8(code, &text, text.count)
    return String(decoding: text.prefix(Int(max(0, length))), as: UTF8.self)
  }
}

extension Problem {
  public static let tokenizerPatternRunsAway = Problem(
    "tokenizerPatternRunsAway", .inputFile, "a regular expression of the tokenizer takes too long on this text")
}
