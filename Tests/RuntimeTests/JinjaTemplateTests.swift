import HybridizeCore
import HybridizeRuntime
import TestSupport
import Testing

@Suite("a template of Jinja")
struct JinjaTemplateTests {
  private func render(
    _ source: String, _ variables: JSONObject = [:], limits: TemplateLimits = TemplateLimits()
  ) throws(HybridizeError) -> String {
    try JinjaTemplate(source, limits: limits).render(variables, date: ChatFixtures.date)
  }

  /// As Jinja in the environment of transformers has it: white space, literals, operators, filters, tests, methods.
  @Test("snippets give what Jinja gives, or an error where it raises one")
  func snippets() throws {
    let snippets = try ChatFixtures.snippets()
    #expect(snippets.count > 400)
    for snippet in snippets {
      let outcome = try ChatFixtures.Outcome { () throws(HybridizeError) in
        try render(snippet.template, snippet.context)
      }
      #expect(outcome == snippet.outcome, "\(snippet.template)")
    }
  }

  @Test(
    "what is not computed is refused with the construct and its line",
    arguments: [
      ("{% include 'a' %}", "line 1: the tag 'include'"), ("\n\n{% extends 'a' %}", "line 3: the tag 'extends'"),
      ("{% block a %}{% endblock %}", "line 1: the tag 'block'"), ("{{\n'a'|pprint }}", "line 2: the filter 'pprint'"),
      ("{{ 'a' is filter }}", "line 1: the test 'filter'"), ("a\n{{ lipsum() }}", "line 2: the function 'lipsum'"),
      ("{{ 'a'.encode() }}", "line 1: the attribute 'encode' of a str"),
      ("{{ 2 ** 63 }}", "line 1: an integer of more"),
      ("{{ 9223372036854775808 }}", "line 1: an integer of more"), ("{{ [1]|select }}", "line 1: the text of a value"),
      ("{% for a in [] recursive %}{% endfor %}", "line 1: a recursive loop"), ("{{ '\\ud800' }}", "line 1: half a"),
      ("{{ strftime_now('%s') }}", "line 1: seconds since 1970"), ("{{ a[1, 2] }}", "line 1: a subscript of several"),
    ])
  func unsupported(_ source: String, found: String) {
    let error = expectProblem(.chatTemplateUnsupported) { try render(source) }
    #expect(error?.found?.hasPrefix(found) == true, "\(error?.found ?? "")")
    #expect(error?.remedy?.contains("--prompt") == true)
  }

  @Test("errors say what is wrong, and the line of it")
  func lines() {
    let failed = expectProblem(.chatTemplateFailed) {
      try render("a\n{{ 1 }}\n{% for x in [1] %}\n{{ y.z }}{% endfor %}")
    }
    #expect(failed?.found == "line 4: 'y' is undefined")
    let refused = expectProblem(.chatTemplateRefused) { try render("\n{{ raise_exception('Take turns!') }}") }
    #expect(refused?.found == "line 2: Take turns!")
    let syntax = expectProblem(.chatTemplateSyntax) { try render("{% if a %}\n{{ b") }
    #expect(syntax?.found?.hasPrefix("line 2: ") == true)
  }

  @Test("numbers of JSON keep their kind, and those beyond 64 bits are refused")
  func numbers() throws {
    let object = try #require(
      JSONValue(#"{"a": [1, 1.0, 1e2, -0, 9223372036854775807], "b": 9223372036854775808}"#).objectValue)
    #expect(try render("{{ a }}", ["a": object["a"] ?? .null]) == "[1, 1.0, 100.0, 0, 9223372036854775807]")
    expectProblem(.chatTemplateUnsupported) { try render("{{ b }}", object) }
  }

  // MARK: Limits

  @Test(
    "what asks for too much ends in an error, at once",
    arguments: [
      "{{ 'x' * 10 ** 9 }}", "{{ 'x' * 10 ** 18 }}", "{{ [1] * 10 ** 12 }}", "{{ range(10 ** 6) }}",
      "{{ range(-(10 ** 18), 10 ** 18) }}",
      "{{ 'a'|center(10 ** 12) }}", "{{ 'a'.ljust(10 ** 18) }}", "{{ '%999999999d' % 1 }}",
      "{{ '%*d' % (10 ** 15, 1) }}",
      "{{ '{:>99999999999}'.format(1) }}", "{{ 'a'|indent(10 ** 10) }}", "{{ [1]|tojson(indent=10 ** 9) }}",
      "{{ ('a' * 10 ** 6)|replace('a', 'b' * 1000) }}", "{{ (['a'] * 1000)|join('b' * 10 ** 6) }}",
      "{{ ([('a' * 10 ** 6)] * 1000)|tojson }}", "{{ [('a' * 10 ** 6)] * 1000 }}", "{{ []|slice(10 ** 9)|list }}",
      "{{ [1]|batch(10 ** 9, 0)|list }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(a=m()) %}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% call m() %}{% endcall %}{{ caller() }}{% endmacro %}{{ m() }}",
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% set n = namespace(x='ab') %}{% for i in range(100) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      "{% set n = namespace(x=[1]) %}{% for i in range(100) %}{% set n.x = n.x + n.x %}{% endfor %}",
      "{% set n = namespace(x=[]) %}{% for i in range(1000) %}{% set n.x = [n.x] %}{% endfor %}",
      "{% set n = namespace(x=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=(1,)) %}{% for i in range(60) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}",
      "{% set n = namespace(g=[1]) %}{% for i in range(1000) %}{% set n.g = n.g|map('upper') %}{% endfor %}",
      "{% for i in range(1000) %}{{ 'a' * 10 ** 6 }}{% endfor %}", "{{ " + String(repeating: "(", count: 100) + "1",
      "{{ " + String(repeating: "not ", count: 10000) + "1 }}", "{{ " + String(repeating: "-", count: 10000) + "1 }}",
      "{{ " + String(repeating: "1 if 1 else ", count: 1000) + "1 }}", "{{ " + String(repeating: "[", count: 1000),
      String(repeating: "{% if 1 %}", count: 1000), String(repeating: "a", count: 1 << 20 + 1),
    ])
  func limits(_ source: String) {
    expectProblem(.chatTemplateLimit, "\(source.prefix(60))") { try render(source) }
  }

  @Test(
    "what is long but not deep is computed",
    arguments: [
      ("{{ 1" + String(repeating: " + 1", count: 9999) + " }}", "10000"),
      ("{{ 'a'" + String(repeating: " ~ 'a'", count: 9) + " }}", "aaaaaaaaaa"),
      ("{{ x" + String(repeating: "|default('y')", count: 5000) + " }}", "y"),
      ("{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 5000) + "{% else %}z{% endif %}", "z"),
      ("{{ 1" + String(repeating: " and 1", count: 5000) + " }}", "1"),
      ("{{ ('a' * 4000000 ~ 'b') in ('a' * 8000000) }}", "False"), ("{{ ('Σ' * 100000)|lower|length }}", "100000"),
      ("{{ ([3, 1, 2] * 10000)|sort|last }}", "3"),
      ("{% for x in range(50000) if x %}{% if loop.length == 0 %}{% endif %}{% endfor %}", ""),
    ])
  func long(_ source: String, expected: String) throws {
    #expect(try render(source) == expected)
  }

  @Test("what holds itself is let go of, and long chains of it do not overflow")
  func cycles() throws {
    let chains = [
      "{% set n = namespace() %}{% set n.n = n %}",
      "{% set n = namespace(l=1) %}{% for i in range(20000) %}{% set o = namespace(p=n.l) %}{% set n.l = o %}{% endfor %}",
      "{% set n = namespace() %}{% for i in range(20000) %}{% set h = n.f %}{% macro g() %}{{ h }}{% endmacro %}{% set n.f = g %}{% endfor %}",
      "{% set n = namespace(l=1) %}{% for i in range(20000) %}{% for x in [1] %}{% if loop.changed(n.l) %}{% endif %}{% set n.l = loop %}{% endfor %}{% endfor %}",
    ]
    for source in chains { #expect(try render(source) == "") }
  }

  @Test("limits are those that are given")
  func givenLimits() throws {
    var limits = TemplateLimits()
    limits.textBytes = 10
    #expect(try render("{{ 'a' * 10 }}", limits: limits) == "aaaaaaaaaa")
    expectProblem(.chatTemplateLimit) { try render("{{ 'a' * 11 }}", limits: limits) }
    expectProblem(.chatTemplateLimit) { try render("{{ 'a' * 6 }}{{ 'a' * 5 }}", limits: limits) }
    limits = TemplateLimits()
    limits.steps = 100
    expectProblem(.chatTemplateLimit) { try render("{% for i in range(99) %}{% endfor %}", limits: limits) }
  }

  // MARK: Damage

  private static let pieces = [
    "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "~", "*", "**",
    "//", "%",
    "'", "\"", "\\", "\n", " if ", " else ", " for ", " in ", " is ", " not ", " and ", " loop", "messages",
    " set x = ", "ns.x",
    "[::-1]", "|list", "|tojson", "|join", "|map('upper')", "|sort", "|length", ".split('')", ".items()",
    " 9223372036854775807", " 0",
    "-1", "1e308", "none", "range(99)", "{% endif %}", "{% endfor %}", "{% break %}", "{% macro m() %}",
    "{% endmacro %}", "\u{E9}", "\u{1F600}",
  ]

  @Test("damaged templates are refused or rendered, and never trap", arguments: UInt64(0)..<16)
  func mutated(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed, stream: "templates")
    let sources =
      try ChatFixtures.templates().map { Array($0.source.unicodeScalars) }
      + ChatFixtures.snippets().map { Array($0.template.unicodeScalars) }
    let conversations = try #require(ChatFixtures.read("conversations.json").objectValue)
    var limits = TemplateLimits()
    limits.steps = 20_000
    limits.textBytes = 1 << 16
    var failed = 0
    for _ in 0..<300 {
      var scalars = sources[random.index(below: sources.count)]
      for _ in 0...random.index(below: 4) { mutate(&scalars, &random) }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      let talk = try Conversation(json: conversations.members[random.index(below: conversations.count)].value)
      do throws(HybridizeError) {
        _ = try render(String(view), ["messages": .array(talk.messages.map { .object($0) })], limits: limits)
      } catch {
        #expect(error.category == .inputFile, "seed \(seed)")
        failed += 1
      }
    }
    #expect(failed > 100, "mutations do damage")
  }

  private func mutate(_ scalars: inout [Unicode.Scalar], _ random: inout SeededGenerator) {
    let place = random.index(below: scalars.count + 1)
    let end = min(scalars.count, place + 1 + random.index(below: 12))
    switch random.index(below: 4) {
    case 0: scalars.removeSubrange(place..<end)
    case 1, 2: scalars.insert(contentsOf: Self.pieces[random.index(below: Self.pieces.count)].unicodeScalars, at: place)
    default: scalars.insert(contentsOf: scalars[place..<end], at: random.index(below: scalars.count + 1))
    }
  }
}
