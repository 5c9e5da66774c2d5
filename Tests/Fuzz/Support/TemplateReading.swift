import HybridizeCore
import HybridizeFormats
import HybridizeRuntime

extension Reading {
  /// Renders a chat template with a conversation that has what templates ask for. Traps if the text is longer than is
  /// allowed.
  ///
  /// - Throws: what is wrong with the template.
  package static func readTemplate(_ path: String) throws(HybridizeError) {
    let source = String(decoding: try FileSystem.read(path, limit: 1 << 24), as: UTF8.self)
    var limits = TemplateLimits()
    limits.steps = 200_000
    limits.textBytes = 1 << 20
    limits.memoryBytes = 32 << 20
    let text = try JinjaTemplate(source, limits: limits).render(try variables(), date: date)
    precondition(text.utf8.count <= limits.textBytes, "a text beyond the bound")
  }

  private static let date = CalendarDate(year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59)

  private static func variables() throws(HybridizeError) -> JSONObject {
    try JSONCursor.parse(Array(conversation.utf8)).objectValue ?? [:]
  }

  private static let conversation = #"""
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "日本 \u00e9 <think>"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefgh1", "type": "function", "function": {"name": "f",
    "arguments": {"x": [1, 2.5, null, true]}}}]}, {"role": "tool", "tool_call_id": "abcdefgh1", "content": "{}"},
    {"role": "assistant", "content": "a</think>b", "reasoning_content": "r"}, {"role": "user", "content": "Thanks"}],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object",
    "properties": {"x": {"type": "array", "items": {"type": "integer"}}}, "required": ["x"]}}}], "documents": null,
    "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>"}
    """#
}
