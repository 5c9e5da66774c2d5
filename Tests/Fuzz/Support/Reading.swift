import HybridizeCore
import HybridizeFormats

/// Reads a file to its end.
package enum Reading {
  /// As a text or a chat template if its name says that it is one, as a checkpoint otherwise.
  ///
  /// - Throws: what is wrong with the file.
  package static func read(_ path: String) throws(HybridizeError) {
    if isTemplate(path) {
      try readTemplate(path)
    } else if isText(path) {
      try readText(path)
    } else {
      try readAll(path)
    }
  }

  /// Whether its name says what it is.
  package static func isNamed(_ path: String) -> Bool { isText(path) || isTemplate(path) }

  package static func isText(_ path: String) -> Bool { TextForm(name: path) != nil }

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
