import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Elements, attributes and text of a document, as a parser that forgives nothing reads them.
final class MarkupReading: NSObject, XMLParserDelegate {
  private(set) var elements: [String: Int] = [:]
  private(set) var attributes: Set<String> = []
  private(set) var text = ""
  private(set) var failure: String?

  init(_ document: String) {
    super.init()
    let parser = XMLParser(data: Data(document.utf8))
    parser.delegate = self
    if !parser.parse() { failure = "line \(parser.lineNumber): \(parser.parserError.debugDescription)" }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes given: [String: String]
  ) {
    elements[name, default: 0] += 1
    attributes.formUnion(given.keys)
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}
