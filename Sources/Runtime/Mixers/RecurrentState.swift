import HybridizeCompute
import HybridizeCore

/// The matrix state of every head, `[heads * headDimension, headDimension]`, and the last inputs of each
/// convolution.
package final class RecurrentState: MixerState {
  package let recurrent: Tensor
  /// `[kernel - 1, channels]` for query, key and value; `nil` without a convolution.
  package let histories: [Tensor?]
  private let elementBytes: Int

  init(recurrent: (rows: Int, columns: Int), convolutions: [(kernel: Int, channels: Int)], memory: StateMemory) {
    let backend = memory.backend
    self.recurrent = backend.makeTensor(rows: recurrent.rows, columns: recurrent.columns)
    backend.fill(self.recurrent, with: 0)
    histories = convolutions.map { kernel, channels in
      guard kernel > 1 else { return nil }
      let history = backend.makeTensor(rows: kernel - 1, columns: channels)
      backend.fill(history, with: 0)
      return history
    }
    elementBytes = memory.elementBytes
  }

  package func byteCount(tokens: Int) -> Int {
    (recurrent.elementCount + histories.reduce(0) { $0 + ($1?.elementCount ?? 0) }) * elementBytes
  }

  package func fork(tokens: Int, memory: StateMemory) -> RecurrentState {
    let backend = memory.backend
    let copy = RecurrentState(
      recurrent: (recurrent.rows, recurrent.columns),
      convolutions: histories.map { ($0.map { $0.rows + 1 } ?? 1, $0?.columns ?? 0) }, memory: memory)
    backend.copy(recurrent, to: copy.recurrent)
    for case (let source?, let target?) in zip(histories, copy.histories) { backend.copy(source, to: target) }
    return copy
  }

  package func stored(tokens: Int, memory: StateMemory) -> [StoredTensor] {
    named.map { memory.backend.stored($1, name: $0) }
  }

  package func restore(_ tensors: StoredState, tokens: Int, memory: StateMemory) throws(HybridizeError) {
    for (name, tensor) in named { try memory.restore(name, of: tensors, to: tensor) }
  }

  private var named: [(name: String, tensor: Tensor)] {
    [("recurrent", recurrent)]
      + zip(["q_inputs", "k_inputs", "v_inputs"], histories).compactMap { name, history in
        history.map { (name, $0) }
      }
  }
}
