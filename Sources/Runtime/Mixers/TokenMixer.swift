import HybridizeCompute

/// What mixes information between the tokens of a layer: softmax attention, gated DeltaNet and others.
///
/// A mixer brings its own state. `prefill` and `step` compute the same function; `step` is the recurrent form
/// for one token.
public protocol TokenMixer {
  associatedtype State: MixerState

  /// A state before the first token, for at most `capacity` tokens.
  func makeState(capacity: Int, backend: any Backend) -> State

  /// The output for the tokens of `x [tokens, hiddenSize]`, which follow those that the state has seen.
  ///
  /// out `[tokens, hiddenSize]` does not overlap x.
  func prefill(_ x: Tensor, state: State, context: MixingContext, into out: Tensor)

  /// The output for one token, x and out `[1, hiddenSize]`; a prefill of one unless the mixer has a form for it.
  func step(_ x: Tensor, state: State, context: MixingContext, into out: Tensor)
}

extension TokenMixer {
  public func step(_ x: Tensor, state: State, context: MixingContext, into out: Tensor) {
    prefill(x, state: state, context: context, into: out)
  }
}

/// What a mixer keeps of the tokens it has seen: a KV cache, a recurrent state.
public protocol MixerState: AnyObject {
  /// Bytes in use after `tokens` tokens.
  func byteCount(tokens: Int) -> Int
  /// An independent copy after `tokens` tokens.
  func fork(tokens: Int, backend: any Backend) -> Self
}

/// What a call of the model lends its layers.
public struct MixingContext {
  package let backend: any Backend
  package let workspace: Workspace
  /// Tokens seen before those of this call.
  package let position: Int
  package let angles: RotaryAngles

  package init(backend: any Backend, workspace: Workspace, position: Int, angles: RotaryAngles) {
    self.backend = backend
    self.workspace = workspace
    self.position = position
    self.angles = angles
  }
}

/// A mixer together with its state, the type of which only the two of them know.
package protocol MixerSession: AnyObject {
  func mix(_ x: Tensor, context: MixingContext, into out: Tensor)
  func byteCount(tokens: Int) -> Int
  func fork(tokens: Int, backend: any Backend) -> any MixerSession
}

extension TokenMixer {
  /// A sequence's passage through this mixer.
  package func session(capacity: Int, backend: any Backend) -> any MixerSession {
    Session(mixer: self, state: makeState(capacity: capacity, backend: backend))
  }
}

private final class Session<Mixer: TokenMixer>: MixerSession {
  private let mixer: Mixer
  private let state: Mixer.State

  init(mixer: Mixer, state: Mixer.State) {
    self.mixer = mixer
    self.state = state
  }

  func mix(_ x: Tensor, context: MixingContext, into out: Tensor) {
    if x.rows == 1 {
      mixer.step(x, state: state, context: context, into: out)
    } else {
      mixer.prefill(x, state: state, context: context, into: out)
    }
  }

  func byteCount(tokens: Int) -> Int { state.byteCount(tokens: tokens) }

  func fork(tokens: Int, backend: any Backend) -> any MixerSession {
    Session(mixer: mixer, state: state.fork(tokens: tokens, backend: backend))
  }
}
