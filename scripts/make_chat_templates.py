"""Writes fixtures/chat-templates/renderings.json and snippets.json: what transformers makes of the templates beside them.

Needs transformers 5.24 and jinja2. The templates are our own, with the constructs of published ones; conversations.json
holds what is said. The snippets stand in the table below; where Jinja raises, the fixture has the kind of the error.
"""

import datetime
import json
from pathlib import Path

from jinja2.exceptions import TemplateError
from transformers.tokenization_utils_base import PreTrainedTokenizerBase
from transformers.utils import chat_template_utils

folder = Path(__file__).resolve().parent.parent / "fixtures" / "chat-templates"


class Clock(datetime.datetime):
    """A Friday in a leap year."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 9, 5, 3, 42)


chat_template_utils.datetime = Clock


class Tokens(PreTrainedTokenizerBase):
    """A tokenizer with special tokens and without a vocabulary."""


def tokenizer():
    return Tokens(bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def rendered(make):
    try:
        return {"text": make()}
    except TemplateError as error:
        # What raise_exception raises is the base class itself.
        if type(error) is TemplateError:
            return {"refused": str(error)}
        return {"error": type(error).__name__}
    except Exception as error:
        return {"error": type(error).__name__}


def write(name, value):
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def render_conversations():
    conversations = json.loads((folder / "conversations.json").read_text(encoding="utf-8"))
    result = {}
    for path in sorted((folder / "templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        result[path.stem] = {}
        for name, conversation in conversations.items():
            result[path.stem][name] = rendered(
                lambda: tokenizer().apply_chat_template(
                    conversation["messages"], tools=conversation.get("tools"), documents=conversation.get("documents"),
                    chat_template=template, add_generation_prompt=True, tokenize=False,
                    **conversation.get("chat_template_kwargs", {})))
    write("renderings.json", result)
    counts = [sum(key in r for c in result.values() for r in c.values()) for key in ("text", "refused", "error")]
    print(len(result), "templates,", counts, "rendered, refused, failed")


def render_snippets():
    rows = []
    for snippet in SNIPPETS:
        template, context = snippet if isinstance(snippet, tuple) else (snippet, {})
        outcome = rendered(
            lambda: chat_template_utils._compile_jinja_template(template).render(**json.loads(json.dumps(context))))
        rows.append({"template": template, **({"context": context} if context else {}), **outcome})
    write("snippets.json", rows)
    print(len(rows), "snippets,", sum("error" in row for row in rows), "raise")


TALK = {"messages": [
    {"role": "system", "content": "S"}, {"role": "user", "content": "  u1 "}, {"role": "assistant", "content": "a1"},
    {"role": "user", "content": "Grüße, 日本 😀"}]}
DATA = {"d": {"b": 1, "a": [1, 2.5, None, True], "items": "shadow", "é": {"x": "\"q\" <&> 'r'"}}, "l": [3, 1, 2],
        "s": "Hello, World", "n": None, "t": True, "f": 1.0}

SNIPPETS = [
    # White space: trim_blocks, lstrip_blocks, signs, the last line break.
    "", "\n", "a\n", "a\n\n", "\r\n", "a\r\nb\rc\n", "{% if true %}\na\n{% endif %}\nb",
    "  {% if true %}  \na\n  {% endif %}  \nb", "x {% if true %}\na\n{% endif %}b", "a\n  {{ 1 }}  \nb",
    "a\n  {{- 1 }}  \nb", "a\n  {{ 1 -}}  \nb", "a \n\n {%- if true -%} \n\n b \n {%- endif -%} \n c",
    "a\n  {%+ if true %}b{% endif %}", "a\n  {% if true +%}\nb{% endif +%}\nc", "{# c #}\na", "a {# c #} b", "a\n  {# c #}\nb",
    "a\n  {#- c -#}  \nb", "a\n  {#+ c +#}\nb", "{#", "{#-", "{# open", "{% raw %}\n{{ x }}\n{% endraw %}\ny",
    "a  {%- raw -%}  {{ x }}  {%- endraw -%}  b", "{% raw %}{% endraw %}", "{% raw %}", "{% raw %}x", "{%+ raw %} a {% endraw +%}\nb",
    "  {% raw %} a {% endraw %}  b", "{% set x = 1 %}\n\n{{ x }}\n", "\t{% set x = 1 %}\t{{ x }}",
    "{% for i in [1, 2] %}\n  {{ i }}\n{% endfor %}\n", "{% for i in [1, 2] -%}\n  {{ i }}\n{%- endfor %}\n",
    "a\u00a0\n\u00a0{% if true %}b{% endif %}", "a\u2028 {%- if true %} b{% endif %}", "{{ 'a\n' }}{% if true %}\nb{% endif %}",
    "{{ 1 }}\n", "{{ 1 }}\n\n", "{{ 'a' }}   {% if true %}b{% endif %}", "\n  {% if false %}a{% endif %}\n  {{ 2 }}\n",
    "{# a #}{# b #}\n{# c #}\n\nx", "x{# a\nb\n#}\ny", "{%- set a = 1 -%}\n\n  {%- set b = 2 %}\n x", "{{- 1 -}}", " {{- 1 -}} ",
    "{% if true -%} a {%- else -%} b {%- endif %} c", "{%if true%}a{%endif%}", "{{1}}{{2}}", "{{ -1 }}{{-1}}{{ - 1 }}",
    "a{% for x in [] %}{% endfor %}\n\nb", "  {%- if true %}\n  a\n  {%- endif %}\n", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': 1}}}",
    "{{ '}}' }}{{ \"%}\" }}{{ '{{' }}", "a {{ '#}' }} {# '}}' #} b", "{ { % } #", "{{ 1 }", "{% if true %}", "{% endif %}", "{{ }}",
    "{% %}", "{{ 1 }}{% if x %}{% else %}\n\n{% endif %}.", "{%\nset x\n=\n1\n%}{{\nx\n}}",
    # Literals.
    r"{{ 'a\n\t\\\'\"\x41\u00e9\U0001F600\101\q' }}", "{{ 'a' 'b' \"c\" }}", "{{ 'a\nb' }}", "{{ 'a\\\nb' }}", r"{{ '\é' }}", r"{{ '\xg1' }}",
    "{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e3 }} {{ 1e-7 }} {{ 1.0 }} {{ 1_0.2_5 }}", "{{ 007 }}", "{{ 1. }}", "{{ 00 }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}", "{{ [] }} {{ [1,] }} {{ () }} {{ (1,) }} {{ (1, 2) }} {{ {} }} {{ {'a': 1,} }}",
    "{{ 1, 2 }}", "{{ (1) }}", "{{ ['a', \"it's\", 'q\"', 'b\\'\"'] }}", "{{ ['é', '\\n', '\\x00', '\\u200b', '\\xa0', '\\\\'] }}",
    "{{ {'k': [1, {'x': none}], 2: 'z', none: 1.5, (1, 2): 3} }}", "{{ 'abc", "{{ [1, 2 }}", "{{ (1] }}", "{{ 1 ! 2 }}", "{{ a ? b }}",
    # Numbers.
    "{{ 1 + 2 * 3 - 4 / 2 }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }}",
    "{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2.0 ** 0.5 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 // 0 }}",
    "{{ 10 / 4 }} {{ 10 / 5 }} {{ 1 / 3 }} {{ 0.1 + 0.2 }}", "{{ 1e16 }} {{ 1e15 }} {{ 123456789012345678.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1e22 }} {{ 1.5e300 }} {{ 5e-324 }} {{ -0.0 }}",
    "{{ 1e400 }} {{ -1e400 }}", "{{ true + 1 }} {{ -true }} {{ +5 }} {{ true * 2.5 }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ - 'a' }}", "{{ 'a' - 'b' }}",
    "{{ 'ab' * 3 }} {{ 2 * 'x' }} {{ 'a' * -1 }} {{ [1] * 2 }} {{ (1, 2) * 2 }}|{{ 'a' * true }}", "{{ [1] + [2] }} {{ (1,) + (2,) }}", "{{ [1] + (2,) }}",
    "{{ 'a' ~ 1 ~ none ~ [1] ~ 2.5 ~ true }}", "{{ 1 ~ 2 + 3 }}", "{{ 'a' ~ 'b' * 2 }}", "{{ 3 - 1 - 1 }} {{ 8 / 2 / 2 }}",
    "{{ 5 if 1 > 2 else 6 }} {{ 5 if true }}|{{ 5 if false }}", "{{ 1 if false else 2 if false else 3 }}",
    # Comparisons and logic.
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' <= 'b' }} {{ [1, 2] < [1, 3] }} {{ (1, 'a') > (1, 'A') }}",
    "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ [1] == (1,) }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ 1 != '1' }} {{ none == false }} {{ 0 == false }}",
    "{{ 'b' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1.0] }} {{ 'a' in {'a': 1} }} {{ '' in 'a' }} {{ 2 in range(3) }} {{ 2.0 in range(3) }} {{ '2' in range(3) }}",
    "{{ 1 in 'abc' }}", "{{ 1 in 5 }}", "{{ [1] in {} }}", "{{ 'a' in none }}", "{{ not 1 }} {{ not '' }} {{ not not [] }} {{ not x }} {{ not 1 == 2 }}",
    "{{ 0 or 'a' }} {{ 1 and 'b' }} {{ '' or 0 or none }} {{ [] and 1 }} {{ 1 or x.y }} {{ 0 and x.y }}", "{{ 1 == 1 and 2 == 2 or x.y }}",
    "{{ 'é' == 'e\\u0301' }} {{ 'é' in ['e\\u0301'] }} {{ {'é': 1}['e\\u0301'] }}|{{ 'a' < 'é' < '日' < '😀' }}", "{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }}",
    # Undefined.
    "{{ x }}|{{ x|default('d') }}|{{ x is defined }}|{{ x|length }}|{{ x|list }}|{{ x ~ 'a' }}|{{ x|upper }}|{{ x|join(',') }}|{{ [x] }}",
    "{{ x.y }}", "{{ x['y'] }}", "{{ x[0] }}", "{{ x[:1] }}", "{{ x() }}", "{{ x + 1 }}", "{{ 'a' + x }}", "{{ x < 1 }}", "{{ -x }}", "{{ x|int }}", "{{ x|float }}", "{{ x|abs }}",
    "{{ x|tojson }}", "{{ x|items|list }} {{ x|first }}|{{ x|last }}|{{ x|sort }}|{{ x|sum }}|{{ x|map('upper')|list }}|{{ x|trim }}|{{ x|replace('a', 'b') }}|{{ x|string }}",
    "{{ x == y }} {{ x == none }} {{ x != 1 }} {{ x in [1] }} {{ 1 in x }} {{ x is none }} {{ x is string }} {{ x is mapping }} {{ x is iterable }} {{ x is sequence }} {{ x is number }} {{ x is callable }}",
    "{% for i in x %}a{% else %}none{% endfor %}", "{% if x %}a{% else %}b{% endif %}", ("{{ d.nope }}|{{ d['nope'] }}|{{ l[9] }}|{{ s[99] }}|{{ d.nope is defined }}|{{ n.a }}|{{ n['a'] }}|{{ 5 .a }}", DATA),
    ("{{ d.nope.nope }}", DATA), ("{{ l[9].a }}", DATA), ("{{ n.a.b }}", DATA), "{{ x is odd }}", "{{ '%s' % x }}|", "{{ '%d' % x }}", "{{ x|default }}|{{ ''|default('d') }}|{{ ''|default('d', true) }}|{{ 0|d(5, boolean=true) }}|{{ none|d('n') }}",
    # Attributes and elements.
    ("{{ d.b }} {{ d['b'] }} {{ d.a[1] }} {{ d.a.0 }} {{ d['é'].x }} {{ d.a[-1] }} {{ d.a[true] }} {{ d['items'] }} {{ l[-4] }}|", DATA), ("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", DATA),
    ("{{ d.keys() }} {{ d.values() }} {{ d.items() }}", DATA), ("{{ d.keys()|list }} {{ d.values()|list|length }} {{ d|length }} {{ d.keys()[0] }}|", DATA), ("{{ d.get('b') }} {{ d.get('z') }} {{ d.get('z', 5) }} {{ d.copy() == d }}", DATA),
    ("{{ d.get() }}", DATA), ("{{ d.get(default=1) }}", DATA), ("{{ l.append(4) }}", DATA), ("{{ l.append }}|{{ l.append is defined }}|{{ d.update is defined }}|{{ l.__class__ }}|{{ d.__len__ is defined }}", DATA), ("{{ s.__class__.__mro__ }}", DATA),
    ("{{ l.index(1) }} {{ l.count(1) }} {{ (1, 2, 1).count(1) }}", DATA), ("{{ l.index(7) }}", DATA), ("{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[-5:] }} {{ s[:-7] }} {{ s[::3] }} {{ s[10:2:-2] }} {{ s[20:] }}|{{ s[5:2] }}|", DATA),
    ("{{ l[1:] }} {{ l[::-1] }} {{ l[:2] }} {{ l[-2:] }} {{ l[:] }} {{ l[5:] }} {{ (1, 2, 3)[1:] }} {{ l[none:2] }} {{ l[::2] }} {{ l[-1::-1] }} {{ l[100:-100:-1] }}", DATA), ("{{ l[::0] }}", DATA), ("{{ l['a':] }}", DATA), ("{{ d[1:] }}", DATA), ("{{ n[1:] }}", DATA),
    "{{ '日本語😀é'[1:4] }} {{ '日本語😀é'|length }} {{ 'e\\u0301'|length }} {{ '😀'[0] }} {{ '日本語'[::-1] }} {{ '\\r\\n'|length }}", "{{ range(5)[1:3] }} {{ range(10)[::-3] }} {{ range(5)[-1] }} {{ range(3)|list }} {{ range(2, 9, 3)|list }} {{ range(5, 0, -2)|list }} {{ range(3) }} {{ range(1, 4) }} {{ range(0, 9, 2) }}",
    "{{ range(0, 5, 0) }}", "{{ range(200000) }}", "{{ range('a') }}", "{{ range() }}", "{{ range(true)|list }}", "{{ range(3) == range(0, 3) }} {{ range(3)|length }} {{ range(3)|last }} {{ range(3)|sum }}",
    # Loops.
    ("{% for m in messages %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ loop.depth }} {% endfor %}", TALK),
    ("{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined else '-' }}<{{ m.role }}>{{ loop.nextitem.role if loop.nextitem else '-' }} {% endfor %}", TALK), ("{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ loop.last }}{{ m.content }}{{ loop.length }};{% endfor %}", TALK),
    ("{% for m in messages|reverse %}{{ m.role }} {% endfor %}{% for m in messages[::-1] %}{{ loop.index0 }}{% endfor %}", TALK), "{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in [1] %}{% break %}{% else %}else{% endfor %}", "{% for x in [1, 2] %}{% if loop.first %}{% continue %}{% endif %}x{% else %}else{% endfor %}", "{% break %}", "{% for x in [1] %}{% endfor %}{% continue %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a in 5 %}{% endfor %}", "{% for a in none %}{% endfor %}", "{% for c in 'añ😀' %}[{{ c }}]{% endfor %}", "{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}",
    "{% for i in [1, 2] %}{% for j in [1, 2] %}{{ loop.index }}{{ loop.depth0 }}{% endfor %}-{{ loop.index }} {% endfor %}", "{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for i in [1, 1, 2] %}{{ loop.changed(i) }} {% endfor %}", "{% for loop in [1] %}{% endfor %}", "{% for i in [1] %}{% set loop = 2 %}{% endfor %}", "{{ loop }}|{% for i in [1, 2] %}{{ loop }}{% endfor %}",
    "{% for i in [3, 1] %}{{ i }}{% endfor %}{{ i }}|", "{% set i = 9 %}{% for i in [3, 1] %}{{ i }}{% endfor %}{{ i }}", "{% for x in [1, 2, 3] if x > 5 %}{% else %}empty{% endfor %}", "{% set ns = namespace(stop=false) %}{% for x in [1, 2, 3] if not ns.stop %}{{ x }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}", "{% set ns = namespace(stop=false) %}{% for x in [1, 2, 3] if not ns.stop %}{{ x }}{{ loop.last }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}",
    "{% for x in [1, 2, 3] if x != 2 %}{{ loop.length }}{{ loop.revindex }}{{ x }} {% endfor %}", "{% for i in [1] %}{{ loop.nope }}|{{ loop['index'] }}{% endfor %}", "{% for x in ([1, 2] if true else []) %}{{ x }}{% endfor %}", "{% for x in [1, 2], %}{{ x }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for i in [1] %}{% else %}{{ loop.index }}{% endfor %}",
    # Variables and scopes.
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set (a, b) = [3, 4] %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set x %}a{{ 1 }}\n{% endset %}[{{ x }}]", "{% set x | upper | trim %} abc {% endset %}[{{ x }}]", "{% set x %}{% set y = 1 %}{% endset %}{{ y }}|",
    "{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}{{ ns.c }}|", "{% set ns = namespace() %}{% set ns.x, ns.y = 1, 2 %}{{ ns.x + ns.y }}", "{% set ns = namespace(_a=1) %}", "{% set ns = namespace() %}{% set ns._a = 1 %}", "{% set d = {} %}{% set d.a = 1 %}", "{% set q.a = 1 %}", "{{ 'a' in namespace(a=1) }}",
    "{% set true = 1 %}", "{% set 'a' = 1 %}", "{% set x.y.z = 1 %}", "{% set x[0] = 1 %}", "{% set x = 1, %}{{ x }}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% for i in [1, 2] %}{% if loop.first %}{% set x = 'f' %}{% endif %}[{{ x }}]{% endfor %}", "{% print 1, 'a' %}", "{% filter upper %}a{{ 'b' }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aa{% set z = 1 %}{% endfilter %}{{ z }}|",
    "{% for i in [1, 2] %}{% set y %}{% break %}{% endset %}{% endfor %}{{ i }}|", "{% generation %}a{% set g = 1 %}{{ g }}{% endgeneration %}{{ g }}|", "{% for i in [1] %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}", "{% for i in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    # Macros.
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=5) }}{{ m(b=3, a=0) }}{{ m(1, 2, 3) }}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}x{% endcall %}", "{% macro w() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) w() %}{{ a }}-{{ b }}{% endcall %}", "{% macro w() %}{{ caller is defined }}{% endmacro %}{{ w() }}", "{% macro w() %}{% endmacro %}{% call w() %}{% endcall %}", "{% call 5 %}{% endcall %}", "{% set x = 1 %}{% macro m() %}{{ x }}{% set x = 5 %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}{{ x }}",
    "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{{ m(1) }}{% macro m(a) %}{% endmacro %}", "{% macro m(a) %}{% endmacro %}{{ m.name }} {{ m.arguments }} {{ m.caller }} {{ m }}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(x) %}\n  {{ x }}\n{% endmacro %}[{{ m('é') }}]", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}",
    "{% macro a(n) %}{{ b(n) }}{% endmacro %}{% macro b(n) %}[{{ n }}]{% endmacro %}{{ a(1) }}", "{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}", "{% macro m() %} x {% endmacro %}{{ m()|trim }}{{ m() ~ 'y' }}{{ m()|length }}", "{% macro m(loop) %}{{ loop }}{% endmacro %}{{ m(3) }}",
    # Filters.
    ("{{ d|tojson }}", DATA), ("{{ d|tojson(indent=2) }}", DATA), ("{{ d|tojson(indent=0) }}{{ l|tojson(indent='\\t') }}", DATA), ("{{ d|tojson(ensure_ascii=true) }} {{ '😀é\\x7f'|tojson(true) }}", DATA), ("{{ d|tojson(separators=(',', ':')) }}", DATA), ("{{ d|tojson(sort_keys=true, indent=1) }}", DATA), ("{{ l|tojson(separators=[' ; ', ' = '], indent=2) }}", DATA),
    "{{ {1: 2, true: 3, none: 4, 1.5: 5}|tojson }} {{ (1, 2)|tojson }} {{ []|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ [[]]|tojson(indent=2) }} {{ 1e16|tojson }} {{ 1e400|tojson }} {{ 'a\\n\\t\\x01\\x7f/\"\\\\'|tojson }}", "{{ {(1, 2): 3}|tojson }}", "{{ range(3)|tojson }}", "{{ {'a': 1}.items()|tojson }}", "{{ {1: 2, 'a': 3}|tojson(sort_keys=true) }}", "{{ '</script>'|tojson }}",
    "{{ ' a b '|trim }}|{{ 'xxaxx'|trim('x') }}|{{ '\\u00a0a\\u3000'|trim }}|{{ 5|trim }}|{{ none|trim }}", "{{ 'aBc dEf-gHi (jKl) é'|upper }}|{{ 'aBc É'|lower }}|{{ 'aBc DEF'|capitalize }}|{{ 'aBc dEf-gHi (jKl) <mNo it\\'s'|title }}|{{ 'ß ﬁ'|upper }}|{{ 'ǆ'|capitalize }}|{{ 'ΑΣ ΣΑ'|lower }}|{{ ''|capitalize }}|{{ none|upper }}",
    "{{ [1, 'a', none, 2.0]|join(', ') }}|{{ 'abc'|join('-') }}|{{ [{'a': 1}, {'a': 2}]|join('+', attribute='a') }}|{{ []|join }}|{{ [1, 2]|join(d=0) }}", "{{ 'aaa'|replace('a', 'b', 2) }}|{{ 'abc'|replace('', '-') }}|{{ 'abc'|replace('x', 'y') }}|{{ 121|replace(1, 3) }}|{{ 'aaa'|replace('a', 'b', count=1) }}|{{ 'aaa'.replace('a', 'b', 0) }}", "{{ 'a'|replace('b') }}",
    "{{ [3, 1, 2]|sort }} {{ [3, 1, 2]|sort(reverse=true) }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A', 'c']|sort(case_sensitive=true) }} {{ [{'a': 2}, {'a': 1}]|sort(attribute='a') }} {{ [{'a': 1, 'b': 2}, {'a': 1, 'b': 1}]|sort(attribute='a,b') }} {{ 'bca'|sort }} {{ {'b': 1, 'a': 2}|sort }}", "{{ [1, 'a']|sort }}", "{{ [none, 1]|sort }}", "{{ [['x', 2], ['X', 1], ['a', 3]]|sort(attribute=0, reverse=true) }}",
    "{{ {'b': 1, 'A': 2, 'c': 0}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(true) }} {{ {'b': 1, 'A': 2}|dictsort(false, 'value') }} {{ {'b': 1, 'A': 2}|dictsort(reverse=true) }}", "{{ {'b': 1}|dictsort(by='x') }}", "{{ [1]|dictsort }}", "{{ ['a', 'A', 'b', 'a']|unique|list }} {{ ['a', 'A']|unique(case_sensitive=true)|list }} {{ [1, 1.0, true, 2]|unique|list }} {{ [{'a': 1}, {'a': 1}]|unique(attribute='a')|list }}", "{{ [[1]]|unique|list }}",
    "{{ [3, 1, 2]|min }} {{ [3, 1, 2]|max }} {{ []|max }}| {{ ['b', 'A']|min }} {{ [{'a': 2}, {'a': 1}]|max(attribute='a') }}", "{{ [1, 2, 3]|sum }} {{ [0.5, 1]|sum }} {{ [{'a': 2}, {'a': 1}]|sum(attribute='a') }} {{ [1]|sum(start=10) }} {{ []|sum }} {{ [[1], [2]]|sum(start=[]) }}", "{{ ['a']|sum }}", "{{ [1, 2, 3]|first }} {{ [1, 2, 3]|last }} {{ []|first }}|{{ 'abc'|last }} {{ {'a': 1}|first }} {{ 'abc'|first }}", "{{ 5|first }}",
    "{{ [1, 2, 3]|reverse|list }} {{ 'abc'|reverse }} {{ {'a': 1, 'b': 2}|reverse|list }} {{ (1, 2)|reverse|list }}", "{{ 5|reverse }}", "{{ [1, 2]|length }} {{ 'abc'|count }} {{ {'a': 1}|length }} {{ (1,)|length }}", "{{ 5|length }}", "{{ none|length }}", "{{ 'ab'|list }} {{ {'a': 1}|list }} {{ {'a': 1}.items()|list }} {{ (1, 2)|list }}", "{{ none|list }}", "{{ {'a': 1}|items|list }} {% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}", "{{ [1]|items|list }}",
    "{{ '5'|int }} {{ '5.7'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 5.9|int }} {{ -5.9|int }} {{ '0x1f'|int(base=16) }} {{ '1f'|int(0, 16) }} {{ true|int }} {{ none|int }} {{ [1]|int(3) }} {{ ' 12 '|int }} {{ '1_000'|int }} {{ '1e3'|int }} {{ '-7'|int }} {{ '0b11'|int(base=0) }} {{ 'inf'|int }} {{ ''|int }}", "{{ 1e400|int }}", "{{ '5.5'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ 3|float }} {{ '1e3'|float }} {{ none|float }} {{ ' -.5 '|float }} {{ '5.'|float }} {{ 'inf'|float }} {{ 'nan'|float }} {{ '1_0.5'|float }} {{ '0x10'|float }} {{ '.'|float }}",
    "{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 1.005|round(2) }} {{ 42.55|round(1) }} {{ 7|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 1350|round(-2) }} {{ 1234.5|round(-2) }} {{ -2.5|round }} {{ 0.1|round(3) }} {{ 1e300|round(2) }} {{ 123.456|round(20) }}", "{{ 2.1|round(method='ceil') }} {{ 2.9|round(0, 'floor') }} {{ 2.123|round(2, 'ceil') }} {{ -2.1|round(method='floor') }} {{ 7|round(0, 'ceil') }}", "{{ 2.5|round(1, 'up') }}", "{{ 'a'|round }}", "{{ -5|abs }} {{ 2.5|abs }} {{ -0.0|abs }} {{ true|abs }}", "{{ 'a'|abs }}",
    "{{ ['a', 'b']|map('upper')|list }} {{ [{'a': 1}, {'a': 2}, {}]|map(attribute='a')|list }} {{ [{'a': {'b': [5]}}]|map(attribute='a.b.0')|list }} {{ [{}]|map(attribute='a', default='z')|list }} {{ [[1, 2], [3]]|map('first')|list }} {{ ['a']|map('replace', 'a', 'b')|list }} {{ [1, 2]|map('string')|join('/') }}", "{{ [1]|map|list }}", "{{ [1]|map(attribute='a', x=1)|list }}",
    "{{ [0, 1, '', 'a', none]|select|list }} {{ [0, 1, 2]|reject|list }} {{ [1, 2, 3]|select('odd')|list }} {{ [1, 2, 3]|reject('gt', 1)|list }} {{ [1, 5, 3]|select('in', [1, 3])|list }} {{ ['a', 1]|select('string')|list }} {{ [1, none]|reject('none')|list }}", ("{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list }} {{ messages|rejectattr('role', 'eq', 'user')|list|length }} {{ messages|selectattr('tool_calls', 'defined')|list }} {{ messages|selectattr('content')|list|length }} {{ (messages|selectattr('role', 'equalto', 'user')|list)[-1].content }}", TALK), "{{ [1]|selectattr|list }}",
    "{% set g = [1, 2]|select %}{{ g|list }}{{ g|list }}", "{% set g = [1, 2, 3]|map('string') %}{{ g|first }}{{ g|first }}{% for x in g %}<{{ x }}{{ loop.length }}>{% endfor %}", "{{ [1, 2]|select|length }}", "{{ ([1, 2]|select)[0] }}|", "{{ [1, 2]|select|last }}", "{{ 2 in [1, 2]|select }} {% if [0]|select %}true{% endif %}", "{{ [3, 1]|select|sort }} {{ [3, 1]|select|reverse|list }} {{ ['a', 'b']|select|join }} {{ [1, 2]|reverse|first }}", "{{ [1, 2]|select|tojson }}",
    "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(2, blank=true) }}|{{ 'a\\nb'|indent('> ', first=true) }}|{{ ''|indent }}|{{ 'a\\n'|indent(1) }}|{{ 'a\\r\\nb\\x0cc'|indent(1) }}", "{{ 5|indent }}", "{{ [1, 2, 3]|batch(2)|list }} {{ [1, 2, 3]|batch(2, 0)|list }} {{ [1, 2, 3, 4, 5]|slice(2)|list }} {{ [1, 2, 3]|slice(2, 9)|list }}", "{{ [1]|slice(0)|list }}",
    "{{ [{'a': 1, 'b': 2}, {'a': 2, 'b': 3}, {'a': 1, 'b': 4}]|groupby('a') }}", "{% for g in [{'a': 'x'}, {'a': 'X'}, {'a': 'b'}]|groupby('a') %}{{ g.grouper }}:{{ g.list|length }}{{ g[0] }} {% endfor %}", "{{ 'abc'|center(9) }}|{{ 'ab'|center(5) }}|{{ 'a b_c d1-e'|wordcount }}|{{ 'hello big world'|truncate(9) }}|{{ 'hello big world'|truncate(9, true, leeway=0) }}|{{ 'hello big world'|truncate(11, false, '…', 0) }}|{{ 'short'|truncate(3) }}",
    "{{ '%s-%05.2f-%d' | format('a', 3.14159, 42) }} {{ '%(a)s'|format(a=1) }}", "{{ '<a href=\"x\">\\'&'|e }} {{ '<b>'|safe }} {{ ('<b>'|safe) + '<i>' }} {{ '<x>'|escape|upper }} {{ '<a>'|e|e }} {{ ('<b>'|safe) ~ '<i>' }} {{ ('<b>'|safe)|length }}", "{{ '<a>' + ('<x> '|e|upper|trim) }} {{ '<' + ('<x>'|safe|reverse) }} {{ '<' + ('<x>'|safe)[0] }} {{ '<' + ('<x y z>'|safe|truncate(3, true, '', 0)) }} {{ '<' + ('x'|e|center(3)) }} {{ '<' + ('<'|safe|replace('x', 'y')) }}", "{{ 'a'|nope }}", "{{ 'a' is nope }}", "{{ 'a'|first.upper }}", "{{ 'a'|upper() }}", "{{ 'a'|upper(1) }}", "{{ 'a'|default(x=1) }}", "{{ 1|string ~ 2 }} {{ none|string }} {{ [1]|string }}", "{{ 'a,b'|attr('split')(',') }} {{ {'a': 1}|attr('a') }}|", "{{ 2|pow }}",
    # Tests.
    "{{ 1 is defined }} {{ 1 is not defined }} {{ none is none }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is boolean }} {{ 1 is number }} {{ true is number }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 'a' is sequence }} {{ {} is sequence }} {{ [] is iterable }} {{ 5 is iterable }} {{ {}.items() is sequence }} {{ {}.items() is iterable }} {{ range(2) is sequence }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}",
    "{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aB' is lower }} {{ '1' is upper }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 2 is gt(1) }} {{ 1 is le 0 }} {{ 1 is in [1, 2] }} {{ 'a' is in 'abc' }} {{ 1 is not in [2] }}", "{{ 1 is == 1 }}", "{{ 1 is greaterthan 0 }} {{ 1 is lessthan 0 }} {{ 1 is sameas 1 }} {{ none is sameas none }} {{ true is sameas 1 }} {{ raise_exception is callable }} {{ 1 is callable }} {{ [].index is callable }} {{ 'a' is escaped }} {{ 'a'|e is escaped }}",
    "{{ 1 is defined is defined }}", "{{ 'a' is odd }}", "{{ 1 is divisibleby 0 }}", "{{ 1 is divisibleby }}", "{{ 1 is not none and 2 is defined or x.y }}", "{{ 'yes' if 1 is defined else 'no' }}", "{{ not 1 is none }} {{ 1 is defined and true }} {{ [1, 2] is iterable and [1] is not string }}", "{{ none is not none|string }}", "{{ 1 + 1 is odd }} {{ (1 + 1) is even }}",
    # Methods.
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.split(sep=',', maxsplit=1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b  c '.split(none, 1) }} {{ ' a b c '.rsplit(maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'abc'.split('abc') }} {{ 'aXXXb'.split('XX') }} {{ 'aXXXb'.rsplit('XX') }}", "{{ 'a'.split('') }}", "{{ 'a'.split(1) }}",
    "{{ '  a '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xyaxy'.strip('xy') }}|{{ '\\n\\na\\n'.lstrip('\\n') }}|{{ 'a\\u3000'.strip() }}|{{ 'abc'.strip(none) }}|{{ '   '.strip() }}|", "{{ 'abc'.startswith('ab') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('bc') }} {{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith('b', 0, 2) }} {{ 'abc'.startswith('') }} {{ 'abc'.startswith('', 4) }} {{ 'abc'.endswith('', 3) }}", "{{ 'a'.startswith(1) }}", "{{ 'a'.startswith(['a']) }}",
    "{{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('x') }} {{ 'abcabc'.find('c', 3) }} {{ 'é日😀b'.find('b') }} {{ 'abc'.index('b') }} {{ 'aaa'.count('a') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }} {{ 'abc'.find('') }} {{ 'abc'.rfind('') }} {{ 'abc'.find('', 5) }} {{ 'aaa'.rfind('aa') }} {{ 'abcabc'.count('c', 0, -1) }}", "{{ 'abc'.index('x') }}", "{{ 'hello wORLD it\\'s é-ß'.title() }}|{{ 'aB'.swapcase() }}|{{ 'ab c'.capitalize() }}|{{ 'aB'.upper() }}|{{ 'aB'.lower() }}",
    "{{ '-'.join(['a', 'b']) }} {{ ','.join('ab') }}|{{ ''.join([]) }}", "{{ ','.join([1]) }}", "{{ 'a\\nb\\r\\nc\\x0bd'.splitlines() }} {{ 'a\\nb\\n'.splitlines(true) }} {{ ''.splitlines() }} {{ '\\n'.splitlines(keepends=true) }}", "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}", "{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'abc'.removeprefix('x') }} {{ '5'.zfill(3) }} {{ '-5'.zfill(4) }} {{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '*') }}|{{ 'a'.center(4, '-') }}|{{ 'ab'.center(5, '-') }}",
    "{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '½'.isnumeric() }} {{ '²'.isdecimal() }} {{ 'a1'.isalnum() }} {{ ' \\t'.isspace() }} {{ ''.isalpha() }} {{ 'ab'.islower() }} {{ 'AB'.isupper() }} {{ 'é'.isascii() }} {{ 'a\\n'.isprintable() }}", "{{ '{} {}'.format(1, 'a') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=5) }} {{ '{0[a]}{1.b}'.format({'a': 1}, {'b': 2}) }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') }} {{ '{:05d} {:+d} {:,} {:x} {:.2f} {:e} {:%}'.format(42, 5, 1234567, 255, 3.14159, 12345.678, 0.5) }} {{ '{!r}'.format('a') }}",
    "{{ '{}'.format() }}", "{{ '{'.format() }}", "{{ '{} {0}'.format(1) }}", "{{ '{:d}'.format('a') }}", "{{ 'a'.nope() }}", "{{ 'a'.upper(1) }}", "{{ 'a'.replace('a') }}", "{{ 'a'.strip(chars='a') }}", "{{ 5.upper() }}", "{{ none.get('a') }}",
    "{{ '%s and %s' % ('a', 1) }} {{ '%d%%' % 50 }} {{ '%5.1f|%-5d|%05d|%+d' % (3.14159, 42, 42, 42) }} {{ '%x %X %o %e %g %g %c' % (255, 255, 8, 12345.678, 0.00001, 1234567, 'z') }} {{ '%r' % ('a',) }} {{ '%s' % [1] }} {{ '%s' % none }} {{ '%(a)s %(b)d' % {'a': 1, 'b': 2} }} {{ '%.3s|%10s|%-10s|' % ('abcdef', 'r', 'l') }} {{ '%*d' % (5, 42) }} {{ '%i' % 3.9 }} {{ '% d' % 5 }} {{ '%#x' % 255 }} {{ '%.0f %.0f' % (0.5, 1.5) }}", "{{ '%s' % (1, 2) }}", "{{ '%s %s' % 1 }}", "{{ '%d' % 'a' }}", "{{ '%q' % 1 }}", "{{ '%' % 1 }}", "{{ 'a' % 1 }}", "{{ 'a' % [] }}", "{{ '%s' % {} }} {{ '%s' % {'a': 1} }}", "{{ '%g %g %g %G %.3g %g' % (100000, 1000000, 0.0001, 0.00001, 3.14159, 0) }} {{ '%f %e' % (1e22, 0) }} {{ '%.10f' % 0.1 }} {{ '%.2e' % 9.999 }}",
    # Functions.
    "{{ dict(a=1, b=2) }} {{ dict([('a', 1)]) }} {{ dict({'a': 1}, b=3) }} {{ dict() }}", "{{ dict(1) }}", "{{ raise_exception('No: ' ~ 5) }}", "a{% if true %}{{ raise_exception('stop') }}{% endif %}", "{{ raise_exception() }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}", "{% set j = joiner('; ') %}{% for x in [1, 2] %}{{ j() }}{{ x }}{% endfor %}",
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S') }} {{ strftime_now('%A, %B %-d, %y %I:%M %p') }} {{ strftime_now('%j %U %W %V %u %w %e %k %l %P %G %g %C %D %F %T %R %r %h %f %c %x %X %% %n %t|%z|%Z') }} {{ strftime_now('%^a %^B %_d %_H %-H %-I %-m %-M %#p %q %E') }} {{ strftime_now('plain é') }}", "{{ strftime_now() }}", "{{ strftime_now is defined }} {{ namespace is defined }} {{ lipsum is defined }} {{ nope is defined }}", "{{ 5() }}", "{{ 'a'() }}", "{{ [1].index(1)() }}",
    # Statements that do not fit.
    "{% nope %}", "{% if %}{% endif %}", "{% for %}{% endfor %}", "{% for x in %}{% endfor %}", "{% else %}", "{% if 1 %}{% else %}{% else %}{% endif %}", "{% if 1 %}{% elif 2 %}a{% endif %}|{% if 0 %}a{% elif 1 %}b{% elif x.y %}c{% else %}d{% endif %}", "{% set %}", "{% set x %}", "{% macro %}{% endmacro %}", "{% do 1 %}", "{% if 1 }}", "{{ 1 %}", "{% if true %}a{% endfor %}", "{{ a b }}", "{{ 1 2 }}", "{{ a. }}", "{{ a[ }}", "{{ 'a'[] }}|", "{{ {(): 1}[] }}", "{{ a| }}", "{{ a is }}", "{{ f(a=1, 2) }}", "{{ f(a=1, a=2) }}", "{{ {1} }}", "{{ {'a' 1} }}", "{{ * }}", "{{ a = 1 }}", "{{ 1 if }}", "{{ not }}", "{{ 'a' 1 }}",
    "{% if 1: %}a{% endif %}", "{% if 1, 2 %}a{% endif %}", "{% if (x is defined and x) or not (1 == 2) %}a{% endif %}", "{%- if not x is defined %}\n{%- set x = 'no' %}\n{%- endif %}\n{{ x }}",
    # Idioms of published templates.
    ("{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{% if ns.last < 0 and m.role == 'user' and m.content is string and not (m.content.startswith('<t>') and m.content.endswith('</t>')) %}{% set ns.last = index %}{% endif %}{% endfor %}{{ ns.last }}", TALK), ("{{ '<think>\\nab\\n</think>\\n\\ncd'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}|{{ 'x</think>y'.split('</think>')[-1].lstrip('\\n') }}", {}),
    ("{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must take turns') }}{% endif %}{% endfor %}", TALK), ("{{ (messages|first).role }} {{ messages[-1]['content'][0] }} {{ messages[1:]|length }} {{ messages[0].content + '\\n' if messages[0].role == 'system' else '' }}", TALK), ("{% set msgs = messages|rejectattr('role', 'equalto', 'system')|list %}{{ msgs|length }}{{ msgs[0].content|trim }}", TALK), ("{{ bos_token }}{{ messages[0]['role']|upper }}:{{ messages[0]['content'] }}{{ eos_token if add_generation_prompt is not defined }}", {**TALK, "bos_token": "<s>", "eos_token": "</s>"}),
    ("{% for t in tools %}{{ t.function.name }}({% for p, v in t.function.parameters.properties.items() %}{{ p }}: {{ v.type }}{{ ', ' if not loop.last }}{% endfor %}){% endfor %}", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}}}]}), ("{%- set x = message.content if message.content is string else '' %}{{ x }}|{{ message.reasoning_content|default('', true) }}|", {"message": {"content": ["a"], "reasoning_content": None}}), ("{{ x|string|length }} {{ '' ~ y ~ '' }} {{ z == 'a' and 1 or 2 }}", {"x": 12.50, "y": [1, {"a": "b"}], "z": "a"}),
]

if __name__ == "__main__":
    render_conversations()
    render_snippets()
