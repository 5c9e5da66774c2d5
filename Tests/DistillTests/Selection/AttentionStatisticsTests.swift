import Foundation
import HybridizeCompute
import HybridizeCore
import HybridizeDistill
import HybridizeRuntime
import TestSupport
import Testing

@Suite("where attention looks")
struct AttentionStatisticsTests {
  private let backend = ReferenceBackend()
  private static let heads = 4
  private static let keyHeads = 2
  private static let width = 6

  /// A model whose second layer gets the embeddings as its first does: the first adds nothing.
  private func model() throws -> PicoModel {
    var model = try PicoModel(layers: 2)
    for name in ["self_attn.o_proj.weight", "mlp.down_proj.weight"] {
      let tensor = model["model.layers.0.\(name)"]
      model.set(tensor.name, Array(repeating: 0, count: tensor.shape.dimensions.reduce(1, *)), shape: tensor.shape)
    }
    // Attention that is far from even.
    for layer in 0..<2 {
      let name = "model.layers.\(layer).self_attn.q_proj.weight"
      model.set(name, try rows(name, of: model).flatMap(\.self).map { 4 * $0 }, shape: model[name].shape)
    }
    return model
  }

  private func rows(_ name: String, of model: PicoModel) throws -> [[Double]] {
    let weight = try backend.prepare(model[name])
    let values = backend.makeTensor(rows: weight.rows, columns: weight.columns)
    backend.embed(Array(0..<weight.rows), weight, into: values)
    return (0..<weight.rows).map { backend.read(values.rows($0..<$0 + 1)) }
  }

  /// Rotated heads of every token, written down once more.
  private func projected(_ name: String, _ ids: [Int], _ layer: Int, of model: PicoModel) throws -> [[Double]] {
    let embedding = try rows("model.embed_tokens.weight", of: model)
    let gain = try rows("model.layers.\(layer).input_layernorm.weight", of: model)[0]
    let weight = try rows("model.layers.\(layer).self_attn.\(name).weight", of: model)
    return ids.enumerated().map { position, id in
      let x = embedding[id]
      let size = (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + 1e-5).squareRoot()
      let normed = zip(x, gain).map { $0 / size * $1 }
      var heads = weight.map { zip($0, normed).reduce(0) { $0 + $1.0 * $1.1 } }
      for first in stride(from: 0, to: heads.count, by: Self.width) {
        for pair in 0..<Self.width / 2 {
          let angle = Double(position) * pow(10_000, -2 * Double(pair) / Double(Self.width))
          let (a, b) = (heads[first + pair], heads[first + pair + Self.width / 2])
          heads[first + pair] = a * cos(angle) - b * sin(angle)
          heads[first + pair + Self.width / 2] = b * cos(angle) + a * sin(angle)
        }
      }
      return heads
    }
  }

  /// Sums over heads and queries of one sequence.
  private func plain(_ ids: [Int], _ layer: Int, _ window: AttentionWindow, of model: PicoModel) throws -> [Double] {
    let queries = try projected("q_proj", ids, layer, of: model)
    let keys = try projected("k_proj", ids, layer, of: model)
    var sums = [0.0, 0, 0, 0]
    for head in 0..<Self.heads {
      let keyHead = head / (Self.heads / Self.keyHeads)
      for place in ids.indices where place + 1 > window.size + window.sinks {
        let weights = (0...place).map { key in
          exp(
            (0..<Self.width).reduce(0) {
              $0 + queries[place][head * Self.width + $1] * keys[key][keyHead * Self.width + $1]
            } / Double(Self.width).squareRoot())
        }
        let whole = weights.reduce(0, +)
        for (key, weight) in weights.enumerated() {
          let share = weight / whole
          if key >= window.sinks, place - key >= window.size { sums[0] += share }
          sums[1] += share * Double(place - key)
          sums[2] -= share * log(share)
        }
        sums[3] += 1
      }
    }
    return sums
  }

  @Test(
    "the sums are those of attention written down plainly, in every layer, sequence by sequence", arguments: [0, 3])
  func plainly(_ sinks: Int) throws {
    let model = try model()
    var generator = SeededGenerator(seed: 6)
    let texts = [17, 9, 30].map { count in (0..<count).map { _ in generator.index(below: 40) } }
    let window = AttentionWindow(size: 7, sinks: sinks)
    var found = [[AttentionSums]](repeating: texts.map { _ in AttentionSums() }, count: 2)
    try AttentionReader(model.load(on: backend), layers: [0, 1]).read(texts.map { JudgedSequence(text: $0) }) {
      layer, first, inputs in
      for (index, rows) in inputs.sequences.enumerated() {
        for head in 0..<Self.heads {
          found[layer][first + index] += AttentionSums(inputs, rows: rows, head: head, window: window)
        }
      }
    }
    for layer in 0..<2 {
      for (sums, ids) in zip(found[layer], texts) {
        let expected = try plain(ids, layer, window, of: model)
        // Queries count from the one whose window and sinks leave a key out.
        let counted = Self.heads * max(0, ids.count - window.size - sinks)
        #expect(sums.queries == counted && Double(counted) == expected[3])
        expectClose([sums.outside, sums.distance, sums.entropy], Array(expected.prefix(3)), relative: 1e-9)
      }
    }
    #expect(found[0] != found[1])
  }

  @Test("of a layer with a window of its own what that hides does not count")
  func ownWindow() {
    let shape = AttentionShape(
      heads: 1, keyValueHeads: 1, headDimension: 2, scale: 1, window: AttentionWindow(size: 10, sinks: 1))
    let inputs = AttentionInputs(
      shape: shape, queries: Array(repeating: 0, count: 40), keys: Array(repeating: 1, count: 40), sequences: [0..<20])
    let sums = AttentionSums(inputs, rows: 0..<20, head: 0, window: AttentionWindow(size: 6, sinks: 0))
    // Queries 6 to 9 see all before them, later ones the last ten and the first.
    let places = Array(6..<20)
    func seen(_ place: Int) -> [Int] { place < 10 ? Array(0...place) : [0] + Array(place - 9...place) }
    #expect(sums.queries == 14)
    expectClose(
      [sums.outside, sums.distance, sums.entropy],
      [
        places.reduce(0) { $0 + Double(seen($1).count - 6) / Double(seen($1).count) },
        places.reduce(0) { sum, place in
          sum + Double(seen(place).reduce(0) { $0 + place - $1 }) / Double(seen(place).count)
        },
        places.reduce(0) { $0 + log(Double(seen($1).count)) },
      ], relative: 1e-12)
  }

  @Test("attention that is the same everywhere is what counting says")
  func even() {
    let shape = AttentionShape(heads: 1, keyValueHeads: 1, headDimension: 2, scale: 1)
    let inputs = AttentionInputs(
      shape: shape, queries: Array(repeating: 0, count: 40), keys: Array(repeating: 1, count: 40), sequences: [0..<20])
    let sums = AttentionSums(inputs, rows: 0..<20, head: 0, window: AttentionWindow(size: 12, sinks: 4))
    let places = Array(16..<20).map { Double($0) }
    #expect(sums.queries == 4)
    expectClose(
      [sums.outside, sums.distance, sums.entropy],
      [
        places.reduce(0) { $0 + ($1 + 1 - 16) / ($1 + 1) }, places.reduce(0) { $0 + $1 / 2 },
        places.reduce(0) { $0 + log($1 + 1) },
      ], relative: 1e-12)
  }

  @Test("what is not softmax attention has no such sums")
  func unknown() throws {
    let model = try PicoModel(mixers: [GatedDeltaNetOptions(keyValueHeads: 2), SoftmaxAttentionSpecification()]).load(
      on: backend)
    let text = [JudgedSequence(text: [1, 2, 3])]
    expectProblem(.attentionUnknown) { try AttentionReader(model, layers: [0]).read(text) { _, _, _ in } }
    try AttentionReader(model, layers: [1]).read(text) { layer, _, _ in #expect(layer == 0) }
    expectProblem(.tokenOutOfRange) {
      try AttentionReader(model, layers: [1]).read([JudgedSequence(text: [1, 40])]) { _, _, _ in }
    }
  }
}
