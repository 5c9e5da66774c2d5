import HybridizeCore

/// Our own layout: one dataset a tensor, all in the root group, under the tensor's name.
///
/// HDF5 takes `/` as a separator and `.` for the group itself, and its names end at a zero byte. So `%`, `/` and zero
/// are written as `%` and two hexadecimal digits, the name `.` as `%2E` and the empty name as `%`: any name of a
/// safetensors file has exactly one form, and almost all look as they did. The root has the attribute
/// `hybridize_layout` with the version, 1; an attribute `metadata`, if there is one, is a JSON object of texts.
package enum FlatLayout {
  package static let marker = "hybridize_layout"
  package static let metadata = "metadata"
  package static let version = 1

  /// The name of the dataset for a tensor.
  package static func datasetName(_ tensor: String) -> String {
    switch tensor {
    case "": return "%"
    case ".": return "%2E"
    default: break
    }
    var out = String.UnicodeScalarView()
    for scalar in tensor.unicodeScalars {
      switch scalar {
      case "%": out.append(contentsOf: "%25".unicodeScalars)
      case "/": out.append(contentsOf: "%2F".unicodeScalars)
      case "\0": out.append(contentsOf: "%00".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  /// The name of the tensor in a dataset; `nil` for a name that `datasetName` makes of no tensor.
  package static func tensorName(_ dataset: String) -> String? {
    if dataset == "%" { return "" }
    var out = String.UnicodeScalarView()
    var rest = Substring(dataset).unicodeScalars
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        out.append(scalar)
        continue
      }
      switch String(Substring(rest.prefix(2))) {
      case "25": out.append("%")
      case "2F": out.append("/")
      case "00": out.append("\0")
      case "2E": out.append(".")
      default: return nil
      }
      rest = rest.dropFirst(2)
    }
    let name = String(out)
    return UTF8Key(datasetName(name)) == UTF8Key(dataset) ? name : nil
  }

  static func matches(_ file: HDF5File) -> Bool { file.root.attributes[marker] != nil }

  static func contents(_ file: HDF5File) throws(HybridizeError) -> HDF5Contents {
    guard file.root.attributes.integer(marker) == version else {
      throw HybridizeError(
        .hdf5UnknownLayout, expected: "\(marker) \(version)", found: "another version",
        remedy: "read it with a newer release")
    }
    var tensors: [HDF5Tensor] = []
    for object in file.objects where object.path != "/" {
      guard let dataset = object.dataset, let name = tensorName(String(object.path.dropFirst())) else {
        throw HybridizeError(
          .hdf5UnknownLayout, tensor: object.path, expected: "a dataset in the root group, with an escaped name",
          found: object.dataset == nil ? "a group" : "another name")
      }
      tensors.append(try HDF5Tensor(name: name, file: 0, parts: [dataset]))
    }
    return HDF5Contents(tensors: tensors, metadata: try metadata(file))
  }

  private static func metadata(_ file: HDF5File) throws(HybridizeError) -> [(key: String, value: String)] {
    guard let text = file.root.attributes.string(metadata) else { return [] }
    guard let object = try JSONCursor.parse(Array(text.utf8)).objectValue else {
      throw HybridizeError(.metadataNotString, expected: "an object of texts", found: "other JSON")
    }
    var pairs: [(key: String, value: String)] = []
    for (key, value) in object.members {
      guard let string = value.stringValue else {
        throw HybridizeError(.metadataNotString, expected: "a text for \"\(key)\"", found: value.kind)
      }
      pairs.append((key, string))
    }
    return pairs
  }
}
