import HybridizeCore

/// tokenizer.model as SentencePiece writes it: pieces with their scores, and how text is normalized.
struct SentencePieceFile {
  enum Kind: Int {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  struct Piece {
    var text = ""
    var score: Float = 0
    var kind = Kind.normal
  }

  enum ModelKind: Int {
    case unigram = 1
    case bytePairs, words, characters
  }

  private(set) var pieces: [Piece] = []
  private(set) var model = ModelKind.unigram
  private(set) var bytesFallBack = false
  private(set) var spaceIsSuffix = false
  private(set) var unknownSurface = " \u{2047} "
  private(set) var beginID = 1
  private(set) var endID = 2
  private(set) var characterMap: CharacterMap?
  private(set) var addsPrefix = true
  private(set) var removesExtraSpaces = true
  private(set) var escapesSpaces = true

  /// Pieces that a file may have, and bytes that one may be of.
  private static let largestCount = 1 << 22
  static let longestPiece = 1024

  /// - Throws: `.notASentencePieceModel`.
  init(_ bytes: [UInt8]) throws(HybridizeError) {
    var message = ProtocolBuffer(bytes[...])
    while let (number, value) = try message.next() {
      switch (number, value) {
      case (1, .bytes(let inner)): try addPiece(inner)
      case (2, .bytes(let inner)): try readTraining(inner)
      case (3, .bytes(let inner)): try readNormalizer(inner)
      default: break
      }
    }
    guard !pieces.isEmpty else { throw Self.wrong("pieces", "none") }
    guard pieces.count(where: { $0.kind == .unknown }) == 1 else {
      throw Self.wrong("one unknown piece", "another number")
    }
  }

  static func wrong(_ expected: String, _ found: String) -> HybridizeError {
    HybridizeError(.notASentencePieceModel, expected: expected, found: found)
  }

  private mutating func addPiece(_ bytes: ArraySlice<UInt8>) throws(HybridizeError) {
    var piece = Piece()
    var message = ProtocolBuffer(bytes)
    while let (number, value) = try message.next() {
      switch (number, value) {
      case (1, .bytes(let text)):
        guard text.count <= Self.longestPiece, let text = String(validating: text, as: UTF8.self) else {
          throw Self.wrong("a piece of UTF-8, at most \(Self.longestPiece) bytes", "\(text.count) bytes")
        }
        piece.text = text
      case (2, .float(let score)): piece.score = score
      case (3, .integer(let kind)):
        guard kind < 7, let known = Kind(rawValue: Int(kind)) else { throw Self.wrong("a kind of piece", "\(kind)") }
        piece.kind = known
      default: break
      }
    }
    guard !piece.text.isEmpty, piece.score.isFinite else { throw Self.wrong("a piece with a text and a score", "none") }
    guard pieces.count < Self.largestCount else { throw Self.wrong("at most \(Self.largestCount) pieces", "more") }
    pieces.append(piece)
  }

  private mutating func readTraining(_ bytes: ArraySlice<UInt8>) throws(HybridizeError) {
    var message = ProtocolBuffer(bytes)
    while let (number, value) = try message.next() {
      switch number {
      case 3:
        guard let known = value.int.flatMap(ModelKind.init) else { throw Self.wrong("a kind of model", "another") }
        model = known
      case 24: spaceIsSuffix = value.bool ?? false
      case 35: bytesFallBack = value.bool ?? false
      case 41: beginID = value.int ?? -1
      case 42: endID = value.int ?? -1
      case 44: unknownSurface = value.text ?? unknownSurface
      default: break
      }
    }
  }

  private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>) throws(HybridizeError) {
    var message = ProtocolBuffer(bytes)
    while let (number, value) = try message.next() {
      switch (number, value) {
      case (2, .bytes(let map)): characterMap = map.isEmpty ? nil : try CharacterMap(map)
      case (3, _): addsPrefix = value.bool ?? true
      case (4, _): removesExtraSpaces = value.bool ?? true
      case (5, _): escapesSpaces = value.bool ?? true
      default: break
      }
    }
  }
}
