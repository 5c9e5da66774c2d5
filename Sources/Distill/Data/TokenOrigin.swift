import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// What the ids of a token file come from, whatever its name and wherever it lies.
///
/// A text is known by a digest of all its files' bytes: a copied, moved or touched one keeps its tokens, one with another letter
/// gets new ones. A sample of the bytes or the time of modification would fail one or the other, and reading the
/// text through costs little beside tokenising it.
struct TokenOrigin: Sendable, Equatable {
  let text: TextSource.Fingerprint
  /// Of the tokenizer's.
  let tokenizer: String
  /// The token behind each document.
  let endOfText: Int?

  /// Reads the text through.
  ///
  /// - Throws: as `TextSource.fingerprint`.
  init(text: TextSource, tokenizer: Tokenizer, endOfText: Int?) throws(HybridizeError) {
    self.text = try text.fingerprint()
    self.tokenizer = tokenizer.fingerprint
    self.endOfText = endOfText
  }

  /// As a token file says it.
  var bytes: [UInt8] {
    UInt64(text.form).littleEndianBytes + UInt64(text.byteCount).littleEndianBytes
      + Int64(endOfText ?? -1).littleEndianBytes + Array(text.digest.utf8) + Array(tokenizer.utf8)
  }

  /// A name for the file.
  var name: String { String(bytes.withUnsafeBytes { SHA256.hash($0) }.prefix(32)) + ".tokens" }
}
