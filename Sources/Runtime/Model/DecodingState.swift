/// One sequence's passage through a model: what every layer keeps of the tokens seen.
///
/// Not for use by two threads at once.
public final class DecodingState {
  let sessions: [any MixerSession]
  /// Tokens seen.
  public internal(set) var position: Int
  /// Tokens that fit.
  public let capacity: Int

  init(sessions: [any MixerSession], position: Int, capacity: Int) {
    self.sessions = sessions
    self.position = position
    self.capacity = capacity
  }

  /// Bytes in use: keys, values and recurrent states.
  public var byteCount: Int { sessions.reduce(0) { $0 + $1.byteCount(tokens: position) } }
}
