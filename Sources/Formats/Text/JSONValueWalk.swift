/// Finds the values of one JSON array, or values that stand one after the other, in bytes that come in pieces. It tells where
/// each begins and ends and looks no further into it; what is wrong within a value shows when it is parsed.
struct JSONValueWalk {
  enum Step: Equatable {
    /// Where a value stands.
    case value(Range<Int>)
    /// The bytes end before anything else does.
    case more
    /// What should stand at the place.
    case wrong(expected: String)
  }

  private enum Layout {
    case array
    case sequence
  }

  private enum Place {
    case beforeFirst
    case beforeValue
    case afterValue
    case afterArray
  }

  private var layout: Layout?
  private var place = Place.beforeFirst
  /// Of the value that has begun: bytes that have been looked at, containers that are open, and whether it is in a string.
  private var scanned = 0
  private var depth = 0
  private var isInString = false
  private var isEscaped = false

  /// Whether the bytes may end where they do: there is no array, or it is closed, and no value is begun.
  var isComplete: Bool { scanned == 0 && (layout != .array || place == .afterArray) }

  /// Goes on from `start`, which then stands behind the value or on what is wrong; what is before it is not needed again.
  ///
  /// - Parameter bytes: what there is; what comes is added at the end.
  mutating func next(_ bytes: ArraySlice<UInt8>, _ start: inout Int) -> Step {
    while true {
      if scanned > 0 { return finishValue(bytes, &start) }
      while start < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[start]) { start += 1 }
      guard start < bytes.endIndex else { return .more }
      let byte = bytes[start]
      switch place {
      case .beforeFirst:
        layout = byte == UInt8(ascii: "[") ? .array : .sequence
        place = .beforeValue
        if layout == .array {
          start += 1
          // An empty array.
          while start < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[start]) { start += 1 }
          if start < bytes.endIndex, bytes[start] == UInt8(ascii: "]") {
            start += 1
            place = .afterArray
          }
        }
      case .beforeValue:
        let isValue = byte == UInt8(ascii: "{") || layout == .array && byte == UInt8(ascii: "\"")
        guard isValue else {
          return .wrong(expected: layout == .array ? "an object or a string" : "an object, or an array of them")
        }
        return finishValue(bytes, &start)
      case .afterValue:
        guard layout == .array else {
          place = .beforeValue
          continue
        }
        guard byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") else {
          return .wrong(expected: "',' or the end of the array")
        }
        place = byte == UInt8(ascii: ",") ? .beforeValue : .afterArray
        start += 1
      case .afterArray: return .wrong(expected: "nothing behind the array")
      }
    }
  }

  /// Looks for the end of the value that begins at `start`, from where the last look ended.
  private mutating func finishValue(_ bytes: ArraySlice<UInt8>, _ start: inout Int) -> Step {
    let end = bytes.withUnsafeBufferPointer { buffer -> Int? in
      let base = bytes.startIndex
      for index in start - base + scanned..<buffer.count where isEnd(buffer[index]) { return base + index + 1 }
      return nil
    }
    guard let end else {
      scanned = bytes.endIndex - start
      return .more
    }
    defer {
      start = end
      (scanned, depth) = (0, 0)
      place = .afterValue
    }
    return .value(start..<end)
  }

  /// Takes a byte of a value.
  private mutating func isEnd(_ byte: UInt8) -> Bool {
    if isInString {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInString = false
        return depth == 0
      }
      return false
    }
    switch byte {
    case UInt8(ascii: "\""): isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      return depth == 0
    default: break
    }
    return false
  }
}
