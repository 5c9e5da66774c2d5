import HybridizeFormats

/// What models can be made of: the formats that are read, the families and the token mixers that are known.
///
/// `standard` is what is built in. A program that brings its own adds it to a copy and hands that to
/// `ModelDirectory`; CONTRIBUTING.md shows how.
public struct Catalog: Sendable {
  public var formats: [any CheckpointFormat.Type]
  public var architectures: [Architecture]
  public var mixers: [any MixerSpecification.Type]
  /// Names of unknown fields of config.json that the user declares to change nothing: `--ignore-field`.
  public var ignoredFields: Set<String>
  /// Whether tokenizers put the tokens around a text that their post-processors have; not with `--no-special-tokens`.
  public var addsSpecialTokens = true

  public init(
    formats: [any CheckpointFormat.Type] = FormatRegistry.all, architectures: [Architecture] = Architecture.all,
    mixers: [any MixerSpecification.Type] = MixerRegistry.all, ignoredFields: Set<String> = []
  ) {
    self.formats = formats
    self.architectures = architectures
    self.mixers = mixers
    self.ignoredFields = ignoredFields
  }

  public static let standard = Catalog()
}
