import HybridizeCore
import HybridizeEvaluation
import HybridizeRuntime

/// README.md of a converted model: what it is, layer by layer, and what it is not.
package enum ModelCard {
  static func text(_ conversion: Conversion) -> String {
    let plan = conversion.plan
    return [
      frontMatter(conversion.source.configuration, plan.mixers), introduction(conversion), layerTable(plan.mixers),
      provenance(conversion),
    ].joined(separator: "\n")
  }

  /// What Hugging Face's hub reads.
  package static func frontMatter(_ model: ModelConfiguration, _ mixers: [any MixerSpecification]) -> String {
    let isLinear = mixers.contains { $0.memory(model).fixedElements > 0 }
    let names = Set(mixers.filter { !$0.isSoftmax }.map { type(of: $0).name }).sorted()
    let converted = (names.isEmpty ? "" : "- hybrid\n") + (isLinear ? "- linear-attention\n" : "")
    return """
      ---
      library_name: hybridize
      pipeline_tag: text-generation
      tags:
      \(converted)\(names.map { "- \($0)\n" }.joined())- safetensors
      ---

      """
  }

  private static func introduction(_ conversion: Conversion) -> String {
    let model = conversion.source.configuration
    let plan = conversion.plan
    let head = """
      # A \(plan.converted.isEmpty ? "copy" : "hybrid") of a \(model.architecture.name) model

      Made by Hybridize \(HybridizeVersion.current). Of \(model.layerCount) layers, \(plan.kept.count) keep softmax \
      attention (\(LayerList.text(plan.kept)))
      """
    if plan.converted.isEmpty {
      return head
        + (conversion.adapter == nil
          ? ": the weights are the source's, byte for byte.\n" : ".\n")
    }
    let middle =
      head + ", \(plan.converted.count) became \(plan.convertedMixerNames) (\(LayerList.text(plan.converted))).\n\n"
    if conversion.request.mixersFrom != nil {
      return middle + "The converted layers' mixers come from a model that was aligned before.\n"
    }
    guard conversion.accounting.initialised > 0 else {
      return middle + "All weights are the teacher's; what is left out of the context is no longer seen.\n"
    }
    return middle + """
      **This is a starting point, not a finished model.** Projections are the teacher's, gates are new; until it is \
      distilled it predicts much worse than its source.

      """
  }

  package static func layerTable(_ mixers: [any MixerSpecification]) -> String {
    var table = TextTable([("layers", .left), ("mixer", .left), ("options", .left)])
    var groups: [(layers: [Int], mixer: any MixerSpecification)] = []
    for (index, mixer) in mixers.enumerated() {
      if let group = groups.firstIndex(where: { $0.mixer.json == mixer.json }) {
        groups[group].layers.append(index)
      } else {
        groups.append(([index], mixer))
      }
    }
    for group in groups {
      let options = group.mixer.json.members.filter { $0.key != "mixer" }
      table.add([
        LayerList.text(group.layers), type(of: group.mixer).name,
        options.map { "\($0.key) \(JSONWriter.compact($0.value))" }.joined(separator: ", "),
      ])
    }
    return table.markdown
  }

  private static func provenance(_ conversion: Conversion) -> String {
    var text = ""
    if !conversion.plan.converted.isEmpty && conversion.request.mixersFrom == nil {
      let preset = conversion.request.choice.preset
      text += conversion.accounting.initialised > 0 ? "- preset: \(preset.rawValue); " : "- "
      text += "loads in: \(conversion.engines)\n"
    }
    if let adapter = conversion.adapter { text += "- adapter: \(adapter.summary)\n" }
    for drop in conversion.droppedLines { text += "- dropped: \(drop)\n" }
    return text + """
      - how it was made, with hashes of source and result: `\(Manifest.fileName)`
      - which layer is what, for programs: `config.json`, `layer_types` and `hybridize`

      """
  }
}
