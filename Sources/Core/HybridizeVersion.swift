/// The version of this package, as manifests and reports carry it.
public enum HybridizeVersion {
  public static let current = "0.1.0"
}
