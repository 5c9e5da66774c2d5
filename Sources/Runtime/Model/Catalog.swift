import HybridizeFormats

/// What models can be made of: the formats that are read, the families and the token mixers that are known.
///
/// `standard` is what is built in. A program that brings its own adds it to a copy and hands that to
/// `ModelDirectory`; CONTRIBUTING.md shows how.
public struct Catalog: Sendable {
  public var formats: [any CheckpointFormat.Type]
  public var architectures: [Architecture]
  public var mixers: [any MixerSpecification.Type]

  public init(
    formats: [any CheckpointFormat.Type] = FormatRegistry.all, architectures: [Architecture] = Architecture.all,
    mixers: [any MixerSpecification.Type] = MixerRegistry.all
  ) {
    self.formats = formats
    self.architectures = architectures
    self.mixers = mixers
  }

  public static let standard = Catalog()
}
