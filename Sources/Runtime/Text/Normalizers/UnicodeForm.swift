import CUTF8Proc
import HybridizeCore

/// A normal form of Unicode.
enum UnicodeForm: String, Sendable {
  case nfc = "NFC"
  case nfd = "NFD"
  case nfkc = "NFKC"
  case nfkd = "NFKD"

  /// The text in this form; `nil` if it is in it already, as far as a glance at its bytes tells.
  ///
  /// - Parameter bytes: valid UTF-8.
  func applied(to bytes: ArraySlice<UInt8>) -> [UInt8]? {
    // ASCII is in every form, and all below U+0300 in NFC.
    let settled: UInt8 = self == .nfc ? 0xCC : 0x80
    guard bytes.contains(where: { $0 >= settled }) else { return nil }
    var options = UTF8PROC_STABLE.rawValue
    options |= self == .nfc || self == .nfkc ? UTF8PROC_COMPOSE.rawValue : UTF8PROC_DECOMPOSE.rawValue
    if self == .nfkc || self == .nfkd { options |= UTF8PROC_COMPAT.rawValue }
    return bytes.withUnsafeBufferPointer { source in
      var result: UnsafeMutablePointer<UInt8>?
      let count = utf8proc_map(source.baseAddress, source.count, &result, utf8proc_option_t(options))
      defer { free(result) }
      guard count >= 0, let result else { return nil }
      return Array(UnsafeBufferPointer(start: result, count: count))
    }
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
