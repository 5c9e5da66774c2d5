import HybridizeCore

/// What can be wrong with a safetensors file, besides its JSON.
extension Problem {
  public static let truncatedPrefix = Problem(
    "truncatedPrefix", .inputFile, "the file is too short for a safetensors file")
  public static let emptyHeader = Problem("emptyHeader", .inputFile, "the header is empty")
  public static let headerTooLarge = Problem(
    "headerTooLarge", .inputFile, "the header claims to be larger than headers may be")
  public static let headerPastEOF = Problem("headerPastEOF", .inputFile, "the header ends after the file does")

  public static let duplicateName = Problem("duplicateName", .inputFile, "a name appears twice")
  public static let duplicateField = Problem("duplicateField", .inputFile, "a field appears twice")
  public static let wrongType = Problem("wrongType", .inputFile, "a field has the wrong JSON type")
  public static let unknownDtype = Problem("unknownDtype", .inputFile, "the element type is not known")
  public static let negativeInteger = Problem("negativeInteger", .inputFile, "a dimension is negative")
  public static let nonIntegerNumber = Problem("nonIntegerNumber", .inputFile, "a dimension is not an integer")
  public static let integerOverflow = Problem("integerOverflow", .inputFile, "an integer does not fit 64 bits")
  public static let rankLimit = Problem("rankLimit", .inputFile, "a tensor has too many dimensions")
  public static let metadataNotString = Problem("metadataNotString", .inputFile, "a metadata value is not a string")

  public static let sizeMismatch = Problem(
    "sizeMismatch", .inputFile, "the size of the data is not what type and shape ask for")
  public static let offsetsReversed = Problem("offsetsReversed", .inputFile, "the data ends before it begins")
  public static let hole = Problem("hole", .inputFile, "there is a hole in the data")
  public static let overlap = Problem("overlap", .inputFile, "two tensors share data")
  public static let offsetInsideOther = Problem(
    "offsetInsideOther", .inputFile, "an empty tensor lies within another one")
  public static let trailingBytes = Problem("trailingBytes", .inputFile, "there is data that belongs to no tensor")
}
