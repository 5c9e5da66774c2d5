import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

/// What the ids of a token file come from, whatever its name and wherever it lies.
///
/// A text is known by a digest of all its bytes: a copied, moved or touched one keeps its tokens, one with another letter
/// gets new ones. A sample of the bytes or the time of modification would fail one or the other, and reading the
/// text through costs little beside tokenising it.
struct TokenOrigin: Sendable, Equatable {
  let form: TextForm
  let byteCount: Int
  /// SHA-256 of the text's file.
  let text: String
  /// Of the tokenizer's.
  let tokenizer: String
  /// The token behind each document.
  let endOfText: Int?

  /// Reads the text through.
  ///
  /// - Throws: `.unreadable`, `.truncatedData`.
  init(text path: String, tokenizer: Tokenizer, endOfText: Int?) throws(HybridizeError) {
    form = TextForm(path: path)
    byteCount = try FileSystem.size(path)
    text = try SHA256.hash(file: path)
    self.tokenizer = tokenizer.fingerprint
    self.endOfText = endOfText
  }

  /// As a token file says it.
  var bytes: [UInt8] {
    UInt64(form.rawValue).littleEndianBytes + UInt64(byteCount).littleEndianBytes
      + Int64(endOfText ?? -1).littleEndianBytes + Array(text.utf8) + Array(tokenizer.utf8)
  }

  /// A name for the file.
  var name: String { String(bytes.withUnsafeBytes { SHA256.hash($0) }.prefix(32)) + ".tokens" }
}
