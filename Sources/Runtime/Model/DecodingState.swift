import HybridizeCompute

/// One sequence's passage through a model: what every layer keeps of the tokens seen.
///
/// Not for use by two threads at once.
public final class DecodingState {
  let sessions: [any MixerSession]
  let memory: StateMemory
  /// Tokens seen.
  public internal(set) var position: Int
  /// Tokens that fit.
  public let capacity: Int
  /// Tokens of the text that the state is made for: its capacity, unless it goes on from a file. Some kinds of rotary
  /// scaling go by it, for all tokens alike.
  public internal(set) var length: Int

  init(sessions: [any MixerSession], memory: StateMemory, position: Int, capacity: Int, length: Int) {
    self.sessions = sessions
    self.memory = memory
    self.position = position
    self.capacity = capacity
    self.length = length
  }

  /// How keys and values are stored.
  public var cacheType: CacheType { memory.cacheType }

  /// Bytes in use: keys, values and recurrent states.
  public var byteCount: Int { sessions.reduce(0) { $0 + $1.byteCount(tokens: position) } }

  /// An independent copy.
  public func fork() -> DecodingState {
    DecodingState(
      sessions: sessions.map { $0.fork(tokens: position, memory: memory) }, memory: memory, position: position,
      capacity: capacity, length: length)
  }
}
