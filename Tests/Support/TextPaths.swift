import HybridizeCore
import HybridizeEvaluation
import HybridizeFormats
import HybridizeRuntime

extension TextReader {
  package init(_ path: String, key: String = TextSource.usualKey) throws(HybridizeError) {
    self.init(try TextSource(path, key: key))
  }
}

extension TextDocuments {
  public static func read(
    _ path: String, tokenizer: Tokenizer, length: Int, limit: Int
  ) throws(HybridizeError) -> [[Int]] {
    try read(TextSource(path), tokenizer: tokenizer, length: length, limit: limit)
  }
}
