import CZstd
import Dispatch
import HybridizeCore

/// Compresses the frames of a plan, several at once, and writes them in order.
///
/// Every frame is compressed by itself and from nothing, so that its bytes do not depend on what is compressed
/// beside or before it. Memory is at most 7 MiB a thread and libzstd's own.
final class ZstdFrameWriter {
  private let file: AtomicFile
  private let options: ZstdOptions
  private var plan: ZstdFramePlan
  private var slots: [Locked<ZstdSlot>] = []
  /// How many of the slots are in use; the last of them may have room.
  private var used = 0
  private var entries: [(compressedSize: UInt32, contentSize: UInt32)] = []

  init(_ file: AtomicFile, _ plan: ZstdFramePlan, _ options: ZstdOptions) {
    self.file = file
    self.plan = plan
    self.options = options
  }

  /// Writes a frame as it is, which decompresses to nothing.
  ///
  /// - Precondition: nothing has been appended.
  func writeSkippable(_ frame: [UInt8]) throws(HybridizeError) {
    try frame.withBytes(file.write)
    entries.append((UInt32(frame.count), 0))
  }

  /// - Precondition: not more bytes than the plan has.
  func append(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) {
    var rest = bytes
    while !rest.isEmpty {
      let taken = try fill(rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
  }

  /// Writes what is left, and the seek table.
  ///
  /// - Precondition: all bytes of the plan have been appended.
  func finish() throws(HybridizeError) {
    try flush()
    try ZstdSeekTable.bytes(entries).withBytes(file.write)
  }

  /// - Returns: how many bytes there was room for.
  private func fill(_ bytes: UnsafeRawBufferPointer) throws(HybridizeError) -> Int {
    let taken = used == 0 ? 0 : slots[used - 1].withLock { $0.take(bytes) }
    guard taken == 0 else { return taken }
    if used == options.threads { try flush() }
    guard let frame = plan.next() else { preconditionFailure("more bytes than the plan has") }
    if used == slots.count { slots.append(Locked(ZstdSlot(isShuffled: options.isShuffled))) }
    used += 1
    return slots[used - 1].withLock { slot in
      slot.begin(frame)
      return slot.take(bytes)
    }
  }

  private func flush() throws(HybridizeError) {
    let (slots, level) = (slots, Int32(options.level))
    DispatchQueue.concurrentPerform(iterations: used) { number in
      slots[number].withLock { $0.compress(level: level) }
    }
    for slot in slots[..<used] {
      let sizes = try slot.withLock { (slot) throws(HybridizeError) in try slot.write(to: file) }
      entries.append(sizes)
    }
    used = 0
  }
}

/// Room for a frame, before and after compression.
private final class ZstdSlot {
  private let content = OwnedBytes(count: ZstdFramePlan.maximumBytes)
  private let planes: OwnedBytes?
  private let output = OwnedBytes(count: ZSTD_compressBound(ZstdFramePlan.maximumBytes))
  private var frame = ZstdFramePlan.Frame(byteCount: 0, width: 1)
  private var filled = 0
  /// Bytes of output, or an error number of libzstd.
  private var result = 0

  init(isShuffled: Bool) {
    planes = isShuffled ? OwnedBytes(count: ZstdFramePlan.maximumBytes) : nil
  }

  func begin(_ frame: ZstdFramePlan.Frame) {
    self.frame = frame
    filled = 0
  }

  /// - Returns: how many bytes there was room for.
  func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    let count = min(bytes.count, frame.byteCount - filled)
    UnsafeMutableRawBufferPointer(rebasing: content.bytes[filled...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    filled += count
    return count
  }

  func compress(level: Int32) {
    var source = UnsafeRawBufferPointer(rebasing: content.bytes[..<filled])
    if let planes, frame.width > 1 {
      let target = UnsafeMutableRawBufferPointer(rebasing: planes.bytes[..<filled])
      ByteShuffle.shuffle(source, width: frame.width, into: target)
      source = UnsafeRawBufferPointer(target)
    }
    guard let context = ZSTD_createCCtx() else { fatalError("no memory for a zstd context") }
    defer { ZSTD_freeCCtx(context) }
    // Cannot fail: both values are within the limits of the library.
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    result = ZSTD_compress2(context, output.bytes.baseAddress, output.bytes.count, source.baseAddress, source.count)
  }

  /// - Returns: the sizes of the frame.
  func write(to file: AtomicFile) throws(HybridizeError) -> (compressedSize: UInt32, contentSize: UInt32) {
    guard ZSTD_isError(result) == 0 else {
      throw HybridizeError(.cannotWrite, file: file.path, found: ZstdContext.errorText(result))
    }
    try file.write(UnsafeRawBufferPointer(rebasing: output.bytes[..<result]))
    return (UInt32(result), UInt32(filled))
  }
}
