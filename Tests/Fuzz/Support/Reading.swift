import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

/// Reads a file to its end.
package enum Reading {
  /// What its name says that a file is; a checkpoint unless it says something.
  package enum Kind {
    case checkpoint, text, tokenizer, sentencePieces, template
  }

  package static func kind(_ path: String) -> Kind {
    if path.hasSuffix(".tokenizer.json") { return .tokenizer }
    if path.hasSuffix(".model") { return .sentencePieces }
    if path.hasSuffix(".jinja") { return .template }
    return TextForm(name: path) == nil ? .checkpoint : .text
  }

  /// As what its name says.
  ///
  /// - Throws: what is wrong with the file.
  package static func read(_ path: String) throws(HybridizeError) {
    switch kind(path) {
    case .checkpoint: try readAll(path)
    case .text: try readText(path)
    case .tokenizer: try use(Tokenizer(json: FileSystem.read(path, limit: 1 << 20)))
    case .sentencePieces: try use(Tokenizer(sentencePiece: FileSystem.read(path, limit: 1 << 20)))
    case .template: try readTemplate(path)
    }
  }

  /// Encodes and decodes a text of several scripts. Traps if an id is none of the tokenizer's.
  ///
  /// - Throws: what is wrong with the tokenizer.
  package static func use(_ tokenizer: Tokenizer) throws(HybridizeError) {
    let ids = try tokenizer.encode("  Phone book\n e\u{301} 12 \u{D55C}\u{AE00} <s>\u{1F600} don't", special: .all)
    precondition(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) }, "an id beyond the vocabulary")
    _ = try tokenizer.decode(ids)
    var stream = StreamDecoder(tokenizer)
    for id in ids { _ = try stream.add(id) }
    _ = stream.finish()
  }

  package static func isText(_ path: String) -> Bool { kind(path) == .text }

  /// Reads all documents of a text. Traps if what there is to be read once has no fingerprint.
  ///
  /// - Throws: what is wrong with the file.
  package static func readText(_ path: String) throws(HybridizeError) {
    let source = try TextSource(path)
    var reader = TextReader(source)
    var isInside = false
    while let piece = try reader.next() {
      precondition(piece.beginsDocument != isInside, "a document begins within another")
      isInside = !piece.endsDocument
      _ = try piece.text()
    }
    precondition(!isInside && reader.offset == reader.size, "the end comes before the end")
    _ = try source.fingerprint()
  }

  /// Opens what the file looks like and reads all of every tensor, at once and in ranges. Traps if the two differ.
  ///
  /// - Throws: what is wrong with the file.
  package static func readAll(_ path: String) throws(HybridizeError) {
    let reader = try FormatRegistry.open(path)
    for tensor in reader.tensors {
      let stored = try reader.tensor(named: tensor.name)
      try withExtendedLifetime(stored) { () throws(HybridizeError) in
        let third = tensor.byteCount / 3
        for range in [0..<third, third..<2 * third, 2 * third..<tensor.byteCount] {
          // Pieces, as a tensor may be larger than what memory is for.
          for start in stride(from: range.lowerBound, to: range.upperBound, by: pieceBytes) {
            let piece = start..<min(start + pieceBytes, range.upperBound)
            let bytes = OwnedBytes(count: piece.count)
            try reader.read(tensor.name, range: piece, into: bytes.bytes)
            precondition(
              UnsafeRawBufferPointer(bytes.bytes).elementsEqual(stored.bytes[piece]), "two reads of a tensor differ")
          }
        }
      }
    }
  }

  private static let pieceBytes = 1 << 20
}
