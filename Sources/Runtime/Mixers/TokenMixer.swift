import HybridizeCompute
import HybridizeCore

/// What mixes information between the tokens of a layer: softmax attention, gated DeltaNet and others.
///
/// A mixer brings its own state. A prefill, a decode step and any number of sequences at a time are the same call with
/// other rows; backends pick the form that suits the rows.
public protocol TokenMixer {
  associatedtype State: MixerState

  /// A state before the first token, for at most `capacity` tokens.
  func makeState(capacity: Int, memory: StateMemory) -> State

  /// The output for the tokens of `x [tokens, hiddenSize]`, the rows of `context.sequences` one after the other. Those
  /// of each follow the tokens that its state, the one with the same index, has seen.
  ///
  /// out `[tokens, hiddenSize]` does not overlap x.
  func mix(_ x: Tensor, states: [State], context: MixingContext, into out: Tensor)

  /// What the way back needs of the way there.
  associatedtype Saved

  /// In training: the output for whole sequences from empty states. Saved tensors come from the context's workspace.
  func mixSaving(_ x: Tensor, context: TrainingContext, into out: Tensor) -> Saved

  /// In training, the way back: adds to the gradients of the mixer's parameters.
  ///
  /// - Parameters:
  ///   - gradient: of the output; may be left changed.
  ///   - xGradient: of x; written, if wanted.
  func backward(_ saved: Saved, gradient: Tensor, context: TrainingContext, into xGradient: Tensor?)
}

/// Where states live, and how keys and values are stored.
public struct StateMemory: Sendable {
  public let backend: any Backend
  public let cacheType: CacheType

  public init(_ backend: any Backend, cacheType: CacheType = .full) {
    self.backend = backend
    self.cacheType = cacheType
  }

  /// Bytes of an activation, of which recurrent states are made.
  public var elementBytes: Int { backend.activationType.bitsPerElement / 8 }
  /// Bytes of an element of keys and values.
  public var cacheElementBytes: Int { cacheType == .full ? elementBytes : cacheType.elementBytes }
}

/// What a mixer keeps of the tokens it has seen: a KV cache, a recurrent state.
public protocol MixerState: AnyObject {
  /// Bytes in use after `tokens` tokens.
  func byteCount(tokens: Int) -> Int
  /// An independent copy after `tokens` tokens.
  func fork(tokens: Int, memory: StateMemory) -> Self
  /// All that is needed to go on after `tokens` tokens, as copies under names of the mixer's choice.
  func stored(tokens: Int, memory: StateMemory) -> [StoredTensor]
  /// Takes what `stored` gave, in a state before its first token.
  ///
  /// - Throws: `.wrongState` for tensors that are not of such a state.
  func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError)
}

/// The rows of one sequence in a call of the model.
public struct SequenceRows: Sendable, Equatable {
  /// Of activations.
  public let rows: Range<Int>
  /// Tokens that the sequence has seen before these.
  public let position: Int
  /// Tokens that the sequence is made for, by which some kinds of rotary scaling go.
  public let length: Int

  /// - Parameter length: with these the sequence is at its end unless given.
  public init(rows: Range<Int>, position: Int, length: Int? = nil) {
    self.rows = rows
    self.position = position
    self.length = length ?? position + rows.count
  }
}

/// What a call of the model lends its layers.
public struct MixingContext {
  package let backend: any Backend
  package let workspace: Workspace
  /// The sequences of this call, their rows one after the other.
  package let sequences: [SequenceRows]
  package let angles: RotaryAngles

  package init(backend: any Backend, workspace: Workspace, sequences: [SequenceRows], angles: RotaryAngles) {
    self.backend = backend
    self.workspace = workspace
    self.sequences = sequences
    self.angles = angles
  }

  /// The rows of each sequence with the tensor that it keeps.
  package func states(_ tensors: [Tensor]) -> [SequenceState] {
    zip(sequences, tensors).map { SequenceState(rows: $0.rows, state: $1) }
  }
}

/// A mixer together with the state of one sequence, the type of which only the two of them know.
package protocol MixerSession: AnyObject {
  /// The mixer on several sequences at a time, this one among them.
  ///
  /// - Precondition: `sessions` are of this mixer, one for each of the context's sequences.
  func mix(_ x: Tensor, together sessions: [any MixerSession], context: MixingContext, into out: Tensor)
  func byteCount(tokens: Int) -> Int
  func fork(tokens: Int, memory: StateMemory) -> any MixerSession
  func stored(tokens: Int, memory: StateMemory) -> [StoredTensor]
  func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError)
}

extension TokenMixer {
  /// A sequence's passage through this mixer.
  package func session(capacity: Int, memory: StateMemory) -> any MixerSession {
    Session(mixer: self, state: makeState(capacity: capacity, memory: memory))
  }
}

private final class Session<Mixer: TokenMixer>: MixerSession {
  private let mixer: Mixer
  private let state: Mixer.State

  init(mixer: Mixer, state: Mixer.State) {
    self.mixer = mixer
    self.state = state
  }

  func mix(_ x: Tensor, together sessions: [any MixerSession], context: MixingContext, into out: Tensor) {
    let states = sessions.map { session in
      guard let session = session as? Self else { preconditionFailure("a state of another model") }
      return session.state
    }
    mixer.mix(x, states: states, context: context, into: out)
  }

  func byteCount(tokens: Int) -> Int { state.byteCount(tokens: tokens) }

  func fork(tokens: Int, memory: StateMemory) -> any MixerSession {
    Session(mixer: mixer, state: state.fork(tokens: tokens, memory: memory))
  }

  func stored(tokens: Int, memory: StateMemory) -> [StoredTensor] { state.stored(tokens: tokens, memory: memory) }

  func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError) {
    try state.restore(tensors, tokens: tokens, memory: memory)
  }
}
