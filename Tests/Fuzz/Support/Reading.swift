import HybridizeCore
import HybridizeFormats

/// Reads a checkpoint to its end.
package enum Reading {
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
