import HybridizeCore

/// What can be wrong with an HDF5 file.
extension Problem {
  public static let hdf5NoSignature = Problem("hdf5NoSignature", .inputFile, "this is no HDF5 file")
  public static let hdf5Truncated = Problem("hdf5Truncated", .inputFile, "a structure of the file ends too early")
  public static let hdf5Corrupt = Problem("hdf5Corrupt", .inputFile, "a structure of the file is not what it should be")
  public static let hdf5Checksum = Problem("hdf5Checksum", .inputFile, "a checksum is wrong")
  public static let hdf5Unsupported = Problem(
    "hdf5Unsupported", .inputFile, "the file uses a feature of HDF5 that checkpoints do not need and that is not read")

  public static let hdf5ExternalLink = Problem(
    "hdf5ExternalLink", .inputFile, "a link leads out of the file, and is not followed")
  public static let hdf5ExternalData = Problem(
    "hdf5ExternalData", .inputFile, "the data lies in other files, which are not read")
  public static let hdf5VirtualData = Problem(
    "hdf5VirtualData", .inputFile, "a virtual dataset takes its data from elsewhere, and is not read")
  public static let hdf5CommittedType = Problem(
    "hdf5CommittedType", .inputFile, "a shared or committed datatype is not read")
  public static let hdf5UnsupportedType = Problem(
    "hdf5UnsupportedType", .inputFile, "no element type of tensors corresponds to this datatype")
  public static let hdf5UnknownFilter = Problem(
    "hdf5UnknownFilter", .inputFile, "the data went through a filter that is not undone here")

  public static let hdf5LinkCycle = Problem("hdf5LinkCycle", .inputFile, "a group contains itself")
  public static let hdf5DanglingLink = Problem("hdf5DanglingLink", .inputFile, "a soft link leads nowhere")
  public static let hdf5SoftLinkLoop = Problem(
    "hdf5SoftLinkLoop", .inputFile, "soft links lead to soft links without end")
  public static let hdf5TooDeep = Problem("hdf5TooDeep", .inputFile, "groups are nested too deeply")
  public static let hdf5TooManyObjects = Problem("hdf5TooManyObjects", .inputFile, "the file has too many objects")
  public static let hdf5TooMuchWork = Problem(
    "hdf5TooMuchWork", .inputFile, "the structures of the file unfold to much more than the file holds")

  public static let hdf5ShapeBomb = Problem(
    "hdf5ShapeBomb", .inputFile, "a dataset claims to be much larger than what is stored of it")
  public static let hdf5ChunkTooLarge = Problem(
    "hdf5ChunkTooLarge", .inputFile, "the chunks of a dataset are larger than is decoded at once")
  public static let hdf5AttributeTooLarge = Problem(
    "hdf5AttributeTooLarge", .inputFile, "an attribute is larger than attributes may be")
  public static let hdf5TensorTooLarge = Problem(
    "hdf5TensorTooLarge", .inputFile, "a tensor is too large to be decoded as a whole")
  public static let hdf5BadChunk = Problem("hdf5BadChunk", .inputFile, "a chunk cannot be decoded")
  public static let hdf5Overlap = Problem("hdf5Overlap", .inputFile, "two pieces of data share bytes of the file")
}
