import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

extension Tokenizer {
  /// The ids of a piece of a text: with what the tokenizer puts in front where it begins a document and behind where it ends
  /// one, so that the pieces of a document make its ids as a whole. An empty document has none.
  ///
  /// - Parameter memory: of this tokenizer's.
  /// - Throws: `.invalidUTF8`, what `encode` throws.
  package func encode(_ piece: TextPiece, memory: inout WordMemory) throws(HybridizeError) -> [Int] {
    let text = try piece.text()
    guard !(text.isEmpty && piece.beginsDocument && piece.endsDocument) else { return [] }
    var special = SpecialTokens.none
    if piece.beginsDocument { special.insert(.before) }
    if piece.endsDocument { special.insert(.after) }
    return try encode(text, special: special, continues: !piece.beginsDocument, memory: &memory)
  }
}
