import HybridizeCore

/// The parts that pages share: each needs nothing beside it, no network and no script.
package enum Page {
  /// - Parameter body: parts of the page, as markup; empty ones are left out.
  package static func html(title: String, _ body: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta name="generator" content="hybridize \(HybridizeVersion.current)"/>
    <title>\(Markup.escape(title))</title>
    <link rel="icon" href="data:,"/>
    <style>
    \(PageStyle.drawing)
    \(PageStyle.page)
    </style>
    </head>
    <body><main>
    \(body.filter { !$0.isEmpty }.joined(separator: "\n"))
    </main></body>
    </html>

    """
  }

  package static func section(_ title: String, _ content: String) -> String {
    Markup.element("section", [:], "\n" + Markup.element("h2", [:], Markup.escape(title)) + "\n" + content + "\n")
  }

  package static func figure(_ drawing: String, _ caption: String) -> String {
    Markup.element("figure", ["class": "card"], drawing + Markup.element("figcaption", [:], Markup.escape(caption)))
  }

  /// Numbers to be seen first, each with what it is.
  package static func tiles(_ tiles: [(value: String, caption: String)]) -> String {
    let cards = tiles.map { value, caption in
      Markup.element(
        "div", ["class": "card tile"],
        Markup.element("b", [:], Markup.escape(value)) + Markup.element("span", [:], Markup.escape(caption)))
    }
    return Markup.element("div", ["class": "tiles"], cards.joined())
  }

  package static func notes(_ notes: [String]) -> String {
    Markup.element(
      "div", ["class": "notes"],
      Markup.element("ul", [:], notes.map { Markup.element("li", [:], Markup.escape($0)) }.joined()))
  }

  /// - Parameter rows: text, one cell a title.
  package static func table(_ titles: [String], _ rows: [[String]]) -> String {
    func row(_ cells: [String], _ name: String) -> String {
      Markup.element("tr", [:], cells.map { Markup.element(name, [:], Markup.escape($0)) }.joined())
    }
    let table = Markup.element(
      "table", [:],
      Markup.element("thead", [:], row(titles, "th"))
        + Markup.element("tbody", [:], rows.map { row($0, "td") }.joined(separator: "\n")))
    return Markup.element("div", ["class": "card scroll"], table)
  }
}
