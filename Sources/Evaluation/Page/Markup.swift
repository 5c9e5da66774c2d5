import HybridizeCore

/// Elements of HTML and SVG as text. What comes from outside goes through `escape`, attributes always do.
package enum Markup {
  /// Text that is text wherever it stands: markup characters as entities, control characters visibly, and nothing that
  /// XML does not allow.
  package static func escape(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in ErrorText.escape(text).unicodeScalars {
      switch scalar {
      case "&": out.append(contentsOf: "&amp;".unicodeScalars)
      case "<": out.append(contentsOf: "&lt;".unicodeScalars)
      case ">": out.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": out.append(contentsOf: "&quot;".unicodeScalars)
      case "'": out.append(contentsOf: "&#39;".unicodeScalars)
      case "\u{FFFE}", "\u{FFFF}": out.append("\u{FFFD}")
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  /// An element around markup that is escaped already.
  package static func element(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: String)
    -> String
  {
    "<\(name)\(written(attributes))>\(content)</\(name)>"
  }

  /// An element with nothing in it, as XML and HTML both read it.
  package static func empty(_ name: String, _ attributes: KeyValuePairs<String, String>) -> String {
    "<\(name)\(written(attributes))/>"
  }

  private static func written(_ attributes: KeyValuePairs<String, String>) -> String {
    attributes.map { " \($0.key)=\"\(escape($0.value))\"" }.joined()
  }

  /// A drawing that stands by itself, with its style and on a surface.
  package static func document(_ title: String, width: Double, height: Double, _ content: String) -> String {
    let background = empty(
      "rect", ["width": number(width), "height": number(height), "rx": "10", "class": "surface"])
    return element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "width": number(width), "height": number(height),
        "viewBox": "0 0 \(number(width)) \(number(height))", "role": "img",
      ],
      element("title", [:], escape(title)) + "<style>\(PageStyle.drawing)</style>" + background + content) + "\n"
  }

  /// A coordinate or a length of a drawing.
  package static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  /// Text in a drawing.
  package static func label(
    _ text: String, x: Double, y: Double, anchor: String = "start", _ style: String = "label"
  ) -> String {
    element("text", ["x": number(x), "y": number(y), "text-anchor": anchor, "class": style], escape(text))
  }

  package static func line(_ x: Double, _ y: Double, _ endX: Double, _ endY: Double, _ style: String) -> String {
    empty("line", ["x1": number(x), "y1": number(y), "x2": number(endX), "y2": number(endY), "class": style])
  }
}
