import HybridizeCore
import HybridizeEvaluation

/// README.md of a converted model.
enum ModelCard {
  static func text(_ conversion: Conversion) -> String {
    let model = conversion.source.configuration
    let plan = conversion.plan
    var text = """
      # A hybrid of a \(model.architecture.name) model

      Converted by Hybridize \(HybridizeVersion.current). Of \(model.layerCount) layers, \(plan.kept.count) keep softmax \
      attention (\(LayerList.text(plan.kept))) and \(plan.converted.count) were converted to \(plan.convertedMixerNames) \
      (\(LayerList.text(plan.converted))).


      """
    if plan.converted.isEmpty {
      text += "No layer was converted: the weights are the source's, byte for byte.\n"
    } else if conversion.request.mixersFrom != nil {
      text += "The converted layers' mixers come from a model that was aligned before.\n"
    } else {
      text += """
        **This is a starting point, not a finished model.** Projections are the teacher's, gates are new; until it is \
        distilled it predicts much worse than its source.

        """
    }
    text += "\n"
    if !plan.converted.isEmpty && conversion.request.mixersFrom == nil {
      let preset = conversion.request.choice.preset
      text += "- preset: \(preset.rawValue); loads in: \(preset.engines)\n"
    }
    text += """
      - how it was made, with hashes of source and result: `\(Manifest.fileName)`
      - which layer is what: `config.json`, `layer_types` and `hybridize`

      """
    return text
  }
}
