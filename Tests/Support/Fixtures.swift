/// Files that tests read and none writes, found from where this file lies.
package enum Fixtures {
  package static func path(_ name: String) -> String { root + "/fixtures/" + name }

  /// The root of the checkout.
  package static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

  /// A small pretrained Llama.
  package static let model = path("recall-llama-6m")
  /// The same, converted and distilled elsewhere.
  package static let hybrid = path("recall-hybrid-6m")
  package static let text = path("text/heldout.jsonl")
}
