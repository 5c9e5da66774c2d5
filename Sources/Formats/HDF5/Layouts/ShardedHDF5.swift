import HybridizeCore

/// Checkpoints in several HDF5 files with an index.
enum ShardedHDF5 {
  /// An index is small; this is far above the largest.
  private static let maximumBytes = 1 << 28

  /// Hugging Face's TensorFlow shards: `tf_model.h5.index.json`, in the form of safetensors' index.
  static func openTensorFlow(index path: String, givenAs given: String) throws(HybridizeError) -> HDF5Reader {
    let index = try ShardIndex(path)
    let directory = ShardDirectory(of: index)
    let strays = try directory.checkFiles()
    var files: [HDF5File] = []
    var tensors: [HDF5Tensor] = []
    var places: [UTF8Key: String] = [:]
    for (number, name) in index.files.enumerated() {
      let file = try HDF5File(FileSystem.join(directory.path, name))
      for tensor in try HDF5Layout.contents(file).tensors {
        if let other = places.updateValue(name, forKey: UTF8Key(tensor.descriptor.name)) {
          throw HybridizeError(
            .duplicateAcrossShards, file: file.source.path, tensor: tensor.descriptor.name, found: "also in \(other)")
        }
        tensors.append(tensor.inFile(number))
      }
      files.append(file)
    }
    return try HDF5Reader(
      givenAs: given, sources: files, entries: tensors, metadata: [],
      warnings: index.warnings + differences(index, places) + strays)
  }

  /// The index has full TensorFlow names, with the model's first. What it says of sizes is of another form of the data.
  private static func differences(_ index: ShardIndex, _ places: [UTF8Key: String]) -> [String] {
    var comparison = IndexComparison()
    var missing = places
    for (name, file) in index.tensors {
      let key = UTF8Key(TensorFlowNames.huggingFace(name, dropsModel: true).name)
      guard let place = missing.removeValue(forKey: key) else {
        comparison.ghosts.append(name)
        continue
      }
      if UTF8Key(place) != UTF8Key(file) { comparison.misplaced.append(name) }
    }
    comparison.unmapped = missing.keys.map(\.string).sorted()
    return comparison.warnings
  }

  /// Keras 3's shards: `model.weights.json` says of each group `vars` in which file or files its weights are.
  static func openKeras(index path: String, givenAs given: String) throws(HybridizeError) -> HDF5Reader {
    let places = try kerasPlaces(path)
    let directory = FileSystem.directory(of: path)
    var files: [HDF5File] = []
    let names = Set(places.values.joined()).sorted()
    for name in names {
      let file = FileSystem.join(directory, name)
      guard FileSystem.exists(file) else {
        throw HybridizeError(.missingShard, file: path, expected: file, remedy: "fetch the missing file")
      }
      let opened = try HDF5File(file)
      for object in opened.datasets {
        let group = FileSystem.directory(of: object.path)
        guard let listed = places[UTF8Key(group)] else {
          throw HybridizeError(.unmappedTensor, file: file, tensor: object.path, expected: "\(group) in \(path)")
        }
        guard listed.contains(name) else {
          throw HybridizeError(
            .tensorInOtherShard, file: path, tensor: object.path, expected: "in " + listed.joined(separator: ", "),
            found: "in \(name)")
        }
      }
      files.append(opened)
    }
    for (group, listed) in places {
      for (file, name) in zip(files, names) where listed.contains(name) {
        guard file.object(at: group.string) != nil else {
          throw HybridizeError(.ghostTensor, file: path, tensor: group.string, expected: "in \(name)")
        }
      }
    }
    return try HDF5Reader(givenAs: given, sources: files, entries: try KerasLayout.tensors(files), metadata: [])
  }

  /// The files of each group, which are plain names.
  private static func kerasPlaces(_ path: String) throws(HybridizeError) -> [UTF8Key: [String]] {
    do throws(HybridizeError) {
      let index = try JSONCursor.parse(try FileSystem.read(path, limit: maximumBytes))
      guard let map = index.objectValue?["weight_map"]?.objectValue else {
        throw HybridizeError(.missingField, expected: "weight_map: an object")
      }
      var places: [UTF8Key: [String]] = [:]
      for (group, value) in map.members {
        let names = (value.arrayValue ?? [value]).map(\.stringValue)
        var files: [String] = []
        for name in names {
          guard let name else {
            throw HybridizeError(.wrongType, tensor: group, expected: "file names", found: value.kind)
          }
          guard ShardIndex.isPlainName(name) else {
            throw HybridizeError(.shardPathEscapes, tensor: group, expected: "a plain file name", found: name)
          }
          files.append(name)
        }
        places[UTF8Key(group)] = files
      }
      return places
    } catch {
      throw error.inFile(path)
    }
  }
}

extension HDF5Tensor {
  /// The same tensor, in another file of the reader.
  fileprivate func inFile(_ file: Int) -> HDF5Tensor {
    var copy = self
    copy.file = file
    return copy
  }
}

extension Problem {
  public static let ghostTensor = Problem("ghostTensor", .inputFile, "the index names a tensor that no shard holds")
  public static let unmappedTensor = Problem(
    "unmappedTensor", .inputFile, "a shard holds a tensor that the index does not name")
  public static let tensorInOtherShard = Problem(
    "tensorInOtherShard", .inputFile, "a tensor is in another shard than the index says")
}
