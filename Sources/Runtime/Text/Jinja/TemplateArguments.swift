import HybridizeCore

/// The values that something is called with.
struct TemplateArguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  /// The values of parameters, in their order; `nil` where none is given.
  ///
  /// - Parameter required: how many of the parameters must be given.
  /// - Throws: `.chatTemplateFailed` for arguments that fit no parameter, and for missing ones.
  func bind(_ parameters: [String], required: Int = 0, of what: String) throws(HybridizeError) -> [TemplateValue?] {
    guard positional.count <= parameters.count else {
      throw TemplateFault.failed("\(what) takes at most \(parameters.count) arguments (\(positional.count) given)")
    }
    var values = positional.map { Optional($0) }
    values += [TemplateValue?](repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let place = parameters.firstIndex(of: name) else {
        throw TemplateFault.failed("\(what) takes no argument '\(name)'")
      }
      guard values[place] == nil else { throw TemplateFault.failed("\(what) got the argument '\(name)' twice") }
      values[place] = value
    }
    for place in 0..<required where values[place] == nil {
      throw TemplateFault.failed("\(what) needs the argument '\(parameters[place])'")
    }
    return values
  }
}

extension TemplateValue? {
  /// An integer of an argument; the default where it is not given or None.
  ///
  /// - Throws: `.chatTemplateFailed`.
  func integer(_ name: String, default value: Int) throws(HybridizeError) -> Int {
    switch self {
    case nil, .some(.none): return value
    case .integer(let number)?: return number
    case .boolean(let flag)?: return flag ? 1 : 0
    case .undefined(let message)?: throw TemplateFault.failed(message)
    case let other?: throw TemplateFault.failed("the argument '\(name)' is a \(other.typeName), expected an integer")
    }
  }

  /// A text of an argument; `nil` where it is not given or None.
  ///
  /// - Throws: `.chatTemplateFailed`.
  func text(_ name: String) throws(HybridizeError) -> String? {
    switch self {
    case nil, .some(.none): return nil
    case .undefined(let message)?: throw TemplateFault.failed(message)
    case let other?:
      guard let text = other.text else {
        throw TemplateFault.failed("the argument '\(name)' is a \(other.typeName), expected a text")
      }
      return text
    }
  }

  /// - Throws: `.chatTemplateFailed`, `.chatTemplateLimit`.
  func flag() throws(HybridizeError) -> Bool { try self?.isTrue() ?? false }
}
