import HybridizeCore

/// What Python's objects have behind a dot: their methods, and names that Jinja's sandbox keeps away.
enum TemplateAttributes {
  /// The attribute of a value itself, without its elements; `nil` if it has none of the name.
  ///
  /// - Throws: `.chatTemplateUnsupported` for what Python has and this has not.
  static func `static`(of value: TemplateValue, _ name: String) throws(HybridizeError) -> TemplateValue? {
    switch value {
    case .undefined(let message): throw TemplateFault.failed(message)
    case .namespace(let namespace): return namespace.attributes[name]
    case .loop(let loop): return try loop.attribute(name, of: value)
    case .macro(let macro): return try attribute(of: macro, name)
    case .cycler(let cycler):
      switch name {
      case "next", "reset": return .method(value, name)
      case "current": return cycler.items.items[cycler.position]
      default: return nil
      }
    case .tuple(let elements):
      if let place = elements.names.firstIndex(of: name) { return elements.items[place] }
    default: break
    }
    // Every object has some of these, and the sandbox gives away none.
    if name.hasPrefix("__"), name.hasSuffix("__"), name.utf8.count > 4 { return unsafe(name, value) }
    guard let methods = methods(of: value) else { return nil }
    if methods.known.contains(name) { return .method(value, name) }
    if methods.changing.contains(name) { return unsafe(name, value) }
    if methods.missing.contains(name) {
      throw TemplateFault.unsupported("the attribute '\(name)' of a \(value.typeName)")
    }
    return nil
  }

  private static func unsafe(_ name: String, _ value: TemplateValue) -> TemplateValue {
    .undefined("access to attribute '\(name)' of '\(value.typeName)' object is unsafe.")
  }

  private static func attribute(of macro: TemplateMacro, _ name: String) throws(HybridizeError) -> TemplateValue? {
    switch name {
    case "name": macro.syntax.name.map { .string($0) } ?? TemplateValue.none
    case "arguments": .tuple(try TemplateElements(macro.syntax.parameters.map { .string($0) }))
    case "caller": .boolean(macro.syntax.mentions.contains("caller"))
    case "catch_kwargs": .boolean(macro.syntax.mentions.contains("kwargs"))
    case "catch_varargs": .boolean(macro.syntax.mentions.contains("varargs"))
    default: nil
    }
  }

  /// Methods that are computed here, those that change their object, and those that Python has besides.
  private struct Methods {
    var known: Set<String> = []
    var changing: Set<String> = []
    var missing: Set<String> = []
  }

  private static func methods(of value: TemplateValue) -> Methods? {
    switch value {
    case .string, .markup: texts
    case .list: lists
    case .tuple: tuples
    case .dictionary: dictionaries
    case .boolean, .integer: integers
    case .float: floats
    case .range: Methods(missing: ["start", "stop", "step", "count", "index"])
    case .iterator: Methods(missing: ["send", "throw", "close"])
    default: nil
    }
  }

  private static let texts = Methods(
    known: [
      "capitalize", "center", "count", "endswith", "find", "format", "index", "isalnum", "isalpha", "isascii",
      "isdecimal", "isdigit", "islower", "isnumeric", "isprintable", "isspace", "isupper", "join", "ljust", "lower",
      "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition",
      "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
    ],
    missing: [
      "casefold", "encode", "expandtabs", "format_map", "isidentifier", "istitle", "maketrans", "translate",
    ])
  private static let lists = Methods(
    known: ["copy", "count", "index"],
    changing: ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"])
  private static let tuples = Methods(known: ["count", "index"])
  private static let dictionaries = Methods(
    known: ["copy", "get", "items", "keys", "values"],
    changing: ["clear", "pop", "popitem", "setdefault", "update"], missing: ["fromkeys"])
  private static let integers = Methods(missing: [
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "imag", "numerator",
    "real", "to_bytes",
  ])
  private static let floats = Methods(missing: [
    "as_integer_ratio", "conjugate", "fromhex", "hex", "imag", "is_integer", "real",
  ])
}
