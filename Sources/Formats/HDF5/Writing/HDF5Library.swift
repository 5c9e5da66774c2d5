import CHDF5
import HybridizeCore

/// libhdf5, opened when something is to be written with it. Programs start without it and run where it is missing.
package final class HDF5Library {
  let handle: OpaquePointer

  /// The names under which it may be found, most likely ones first.
  package static let names: [String] = {
    #if canImport(Darwin)
      return [
        "libhdf5.dylib", "/opt/homebrew/opt/hdf5/lib/libhdf5.dylib", "/usr/local/opt/hdf5/lib/libhdf5.dylib",
      ]
    #else
      // Debian names it after its kind, and numbers are those of releases 1.10, 1.12, 1.14 and 2.0.
      return ["_serial", ""].flatMap { kind in
        ["103", "200", "310", "320"].map { "libhdf5\(kind).so.\($0)" } + ["libhdf5\(kind).so"]
      }
    #endif
  }()

  /// - Throws: `.hdf5LibraryMissing`, with the package that has it.
  package init(names: [String] = HDF5Library.names) throws(HybridizeError) {
    var reasons: [String] = []
    for name in names {
      var reason = [CChar](repeating: 0, count: 512)
      if let handle = chdf5_open(name, &reason, reason.count) {
        self.handle = handle
        return
      }
      reasons.append(String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    throw HybridizeError(
      .hdf5LibraryMissing, expected: "libhdf5 of release 1.10.3 or newer", found: reasons.first,
      remedy: "install it: Debian and Ubuntu have it in libhdf5-103-1 or libhdf5-dev, Homebrew in hdf5")
  }

  deinit { chdf5_free(handle) }
}

extension Problem {
  public static let hdf5LibraryMissing = Problem(
    "hdf5LibraryMissing", .output, "writing HDF5 takes libhdf5, which cannot be opened")
}
