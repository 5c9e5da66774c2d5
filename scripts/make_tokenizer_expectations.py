"""Writes fixtures/tokenizer: the ids that the package `tokenizers` gives for 10,000 pieces of the held-out text and
for hard strings, with the tokenizer of fixtures/recall-llama-6m and with variants of it. With `--model FILE` it
compares `hybridize tokenize` with the package on the same texts for another tokenizer.json instead, and writes nothing.
Needs `pip install numpy safetensors tokenizers`."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from safetensors.numpy import save_file
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).parent.parent
FIXTURE = ROOT / "fixtures/recall-llama-6m/tokenizer.json"
TARGET = ROOT / "fixtures/tokenizer"
PIECES = 10_000


def pieces(text):
    """A text cut after each run of line breaks and after each full stop with a space; nothing is left out."""
    data, start, cut = text.encode(), 0, []
    for end in range(1, len(data)):
        line = data[end - 1] == 10 and data[end] != 10
        if line or data[max(0, end - 2):end] == b". ":
            cut.append(data[start:end].decode())
            start = end
    return cut + [data[start:].decode()]


def lines():
    documents = (ROOT / "fixtures/text/heldout.jsonl").read_text(encoding="utf-8").splitlines()
    cut = [piece for document in documents for piece in pieces(json.loads(document)["text"])][:PIECES]
    assert len(cut) == PIECES
    return cut


SPACES = ["\u0009", "\u000b", "\u000c", "\u001c", "\u001f", "\u0085", "\u00a0", "\u1680", "\u180e", "\u2000", "\u2003",
          "\u2009", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff"]
END = "<|endoftext|>"
TEXTS = [
    "", " ", "  ", "   a", "a ", "a  ", " a", "\n", "\n\n", " \n", "\n ", " \n \n", "\n  a", "a\n\n\nb", "\t", "\t\ta",
    "a\t b",
    "\r\n", "a\r\nb\r\n\r\nc", "\r", "a\rb\r", "\r\r\na", "a \r\n b", "!\r\n", "?!\n\n x", " ?\r\r\r", "a\u2028\nb",
    # Every kind of space alone, doubled, before and after letters, beside a plain space and a line break.
    *[form.format(space) for space in SPACES for form in
      ("{0}", "{0}{0}", "a{0}b", "a {0}b", "a{0} b", "{0}{0}1", "x{0}{0}!", "\n{0}\n{0}y", "a{0}")],
    "".join(SPACES), "x".join(SPACES),
    # Combining marks, normal forms, Hangul, ligatures.
    "e\u0301 \u00e9 E\u0301", "a\u0300\u0301\u0302\u0303b", "\u0301", " \u0301a", "n\u0303o\u0304",
    "Z\u0351\u036b\u0343\u036aalgo",
    "\u1112\u1161\u11ab \ud55c", "\ufb01 \ufb03 \ufb06", "\u00c5 \u212b A\u030a", "\u0130 \u0131 I i",
    "stra\u00dfe STRASSE \u1e9e", "\u00e9 e", "a b",
    "\u01c5 \u01f2 \u02b0 \u02bc \u00aa \u00ba", "\u093e\u0902 \u0915\u094d\u0937\u093f", "\u0f56\u0f7c\u0f51\u0f0b",
    # Emoji: joined, flags, skin tones, keycaps, tags.
    "\U0001f600", "a\U0001f600b", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7\U0001f1ef", "\U0001f44d\U0001f3fd \U0001f44b\U0001f3ff",
    "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U0001f9d1\U0001f3fb\u200d\U0001f680!!",
    # Numbers of all kinds.
    "0123456789", "a1b22c333d4444", "1 22 333", " 1", "  12", "3.14159e-10", "1,000,000.00",
    "\u0661\u0662\u0663 \u06f4\u06f5",
    "\u0967\u0968\u0969\u096a", "\uff11\uff12\uff13", "x\u00b2\u00b3\u2070\u2079", "H\u2082O",
    "\u2160\u2163\u216b \u2170", "\u00bd\u2153\u215e 1\u20442",
    "\u2460\u2469\u24ea", "\u4e00\u4e8c\u4e09\u3007", "\U0001d7d8\U0001d7e2\U0001d7f6", "\u0be7\u0bf0\u0bf1",
    "\U00010107\U00012400", "1\u06612\uff12\u00bd",
    "7" * 200, "12" * 50 + "\u0663" * 50, "a" + "9" * 70 + "b",
    # Contractions, both apostrophes, both cases, the long s.
    "I'm you're he's we've they'll I'd don't", "I'M YOU'RE HE'S WE'VE THEY'LL I'D DON'T",
    "I\u2019m you\u2019re he\u2019s don\u2019t",
    "'s 't 're 've 'm 'll 'd", "'S 'T 'RE 'VE 'M 'LL 'D", "'Re 'rE 'Ve 'Ll 'lL", "'\u017f '\u017fa it'\u017f",
    "'sa 'lla 'rex 'veto", "''s '''ll",
    "'", "' s", "a'", "'l 'r 'v", "'re'll've", "\n's", " 's", "1's 22'll", "'\u212a 'k", "'\u00e9",
    "rock'n'roll o'clock", "\u02bcs \u02b9t",
    # Special tokens: inside, adjacent, repeated, partial, at the ends.
    END, f"a{END}b", f"{END}{END}", f" {END} ", f"{END}\n\n{END}", f"a {END}", f"{END} a", END[:-1], END[1:], f"<{END}",
    f"{END}>",
    f"<|{END}|>", f"<|endof{END}text|>", "<|endoftext|", "<|ENDOFTEXT|>", "< |endoftext|>", f"1{END}2", f"'s{END}'s",
    f"  {END}  ",
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_start|><|im_end|>", "<s></s><unk><pad>", "[INST] [/INST]",
    # Other scripts.
    "\u4f60\u597d\u4e16\u754c\u3002\u3053\u3093\u306b\u3061\u306f\u30ab\u30bf\u30ab\u30ca",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643\u0645",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u200f\u05e2\u05d5\u05dc\u05dd\u200e!",
    "\u202babc\u202c \u2067\u05d0\u2069", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5\u03c2",
    "\u1201\u1208\u1210 \u13a0\u13a1", "\U00010330\U00010331 \U00020000\U0002a6d6",
    "\u00e6\u00f8\u00e5 \u00f1 \u00e7 \u0142 \u0219",
    # Private use, last planes, noncharacters, unassigned, controls.
    "\ue000\uf8ff", "\U000f0000\U0010ffff\U0010fffd", "\ufffe\uffff\ufdd0", "\u0378\u0379\U000e0fff", "\u0000",
    "a\u0000b\u0000", "\u0001\u0002\u001b[0m\u007f",
    "\u0080\u0081\u009f", "\ufffd\ufffd", "\u00ad\u034f\u061c\u180b", "\u0600\u06dd\u070f",
    # Signs.
    "!!!???...", "a!b?c.", " - -- --- ----", "(a)[b]{c}<d>", "a_b __init__ snake_case camelCase", "x=y+z*w/v^u%t&s|r~q",
    "\\n \\t \"q\" `c`",
    "\u00ab\u00bb\u201c\u201d\u2018\u2019\u2026\u2013\u2014",
    "\u20ac$\u00a3\u00a5 \u00a9\u00ae\u2122 \u00b0\u00b1\u00d7\u00f7", "http://a.b/c?d=e&f=g#h", "a@b.c",
    "\u3000\u3001\u3002\uff01\uff1f",
    "def f(x):\n    return x\n\n\nclass A:\n\tpass\n", "if (a) {\r\n\t\tb();\r\n}", "|a|b|\n|-|-|\n",
    # Long runs and long words.
    " " * 63 + "a", " " * 300, "\n" * 300, "\n" * 7 + " " * 7 + "\t" * 7 + "b", "a" * 63, "a" * 64, "a" * 65,
    "a" * 1000, "ab" * 500,
    "abcdefghijklmnopqrstuvwxyz" * 20, "antidisestablishmentarianism" * 5, "the" * 200, "\u00e9" * 200, "\u4e2d" * 100,
    "-" * 300, "=" * 64 + "\n",
    "".join(chr(97 + i * i % 26) for i in range(10_000)), "\U0001f600" * 40,
]

GROUPED = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|",
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(pattern):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def split(numbers):
    pattern = {"Regex": numbers.join(GROUPED)}
    return sequence({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}, byte_level(False))


def added(content, id, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False} | flags


DIGITS = {"type": "Digits", "individual_digits": True}
# With few merges left, most words of the vocabulary are found only as a whole. Two are no text of bytes.
FEW_MERGES = {"ignore_merges": True, "merges": 200, "words": {"\u00e9 e": 4096, "a b": 4097}}
# What each variant changes in the fixture's tokenizer.json; `merges` is how many are left, `again` repeats one of them
# at the end, `words` are put into the vocabulary.
VARIANTS = [
    {"name": "gpt2", "pre_tokenizer": byte_level(True)},
    {"name": "llama3", "pre_tokenizer": split(r"\p{N}{1,3}")},
    {"name": "qwen2", "pre_tokenizer": split(r"\p{N}")},
    {"name": "digits without pattern", "pre_tokenizer": sequence(DIGITS, byte_level(False))},
    {"name": "no pattern", "pre_tokenizer": byte_level(False)},
    {"name": "ignore merges", "pre_tokenizer": split(r"\p{N}{1,3}")} | FEW_MERGES,
    {"name": "ignore merges, no pattern", "pre_tokenizer": byte_level(False)} | FEW_MERGES,
    {"name": "a merge twice", "merges": 40, "again": 2},
    {"name": "added", "pre_tokenizer": byte_level(True), "added_tokens": [
        added("<left>", 4096, lstrip=True), added("<right>", 4097, rstrip=True, special=True),
        added("<both>", 4098, lstrip=True, rstrip=True), added("  ", 4099), added("<both><both>", 4100),
        added("<pl", 4101), added("plain>", 4102, normalized=True), added("n\u00e9", 4103, normalized=True),
        added("<near>", 4104, lstrip=True, rstrip=True, normalized=True), added("ea", 4105, normalized=True),
        added(" the", 4106)]},
]

ADDED_TEXTS = [
    form.format(token) for token in ("<left>", "<right>", "<both>", "<near>", "<both><both>") for form in
    ("{0}", "a{0}b", "a {0} b", "a  {0}  b", "a   {0}   b", "{0}{0}", "{0} {0}", "{0}   {0}", " \n\t{0}\r\n ",
     "\u3000\u00a0{0}\u0085\u2028\u200b", "1{0}2", "{0}'s", f"{END}  {{0}}  {END}")
] + [
    "<left><right>", "<right> <left>", "<right>   <left>", "<both> <left> <right> <both>", "<both><both><both>",
    "<both><bot", "<pl<plain>plain>", "<plain>", "x<plain>y", "plain>", "n\u00e9 ne\u0301 n\u00e9n\u00e9",
    "<near>ea<near>", "<n<near>ar>", "the theatre  the", "     ", "a     b", "<left   >",
]


def variant_file(base, variant):
    file = json.loads(json.dumps(base))
    file["pre_tokenizer"] = variant.get("pre_tokenizer", file["pre_tokenizer"])
    file["added_tokens"] += variant.get("added_tokens", [])
    model = file["model"]
    model["ignore_merges"] = variant.get("ignore_merges", False)
    model["merges"] = model["merges"][:variant.get("merges")]
    if "again" in variant:
        model["merges"].append(model["merges"][variant["again"]])
    model["vocab"].update(variant.get("words", {}))
    return json.dumps(file)


def joined(lists, kind):
    """Lists end to end, and where each begins."""
    offsets = numpy.cumsum([0] + [len(part) for part in lists]).astype(numpy.int32)
    return numpy.array([value for part in lists for value in part], kind), offsets


def encode(tokenizer, texts):
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


def write():
    base = json.loads(FIXTURE.read_text(encoding="utf-8"))
    theirs = Tokenizer.from_file(str(FIXTURE))
    texts = TEXTS + ADDED_TEXTS
    tensors = {}

    def put(name, lists, kind=numpy.uint16):
        tensors[name], tensors[name + ".offsets"] = joined(lists, kind)

    put("lines", encode(theirs, lines()))
    put("texts", [text.encode() for text in texts], numpy.uint8)
    put("hard", encode(theirs, texts))
    for variant in VARIANTS:
        put(variant["name"], encode(Tokenizer.from_str(variant_file(base, variant)), texts))
    TARGET.mkdir(exist_ok=True)
    save_file(tensors, TARGET / "expectations.safetensors")
    (TARGET / "expectations.safetensors").chmod(0o644)
    (TARGET / "variants.json").write_text(json.dumps(VARIANTS, indent=1) + "\n", encoding="utf-8")
    print(len(texts), "hard strings,", len(VARIANTS), "variants")


def compare(path, program):
    """Every text through the program, one process each; those of the held-out text by the document."""
    theirs = Tokenizer.from_file(path)
    documents = (ROOT / "fixtures/text/heldout.jsonl").read_text(encoding="utf-8").splitlines()
    texts = TEXTS + ADDED_TEXTS + [json.loads(document)["text"] for document in documents]
    wrong = 0
    with tempfile.NamedTemporaryFile() as file:
        call = [program, "tokenize", path, "--text", file.name, "--json", "--quiet"]
        for text, ids in zip(texts, encode(theirs, texts)):
            pathlib.Path(file.name).write_bytes(text.encode())
            found = json.loads(subprocess.run(call, check=True, capture_output=True).stdout)["ids"]
            if found != ids:
                wrong += 1
                print("differs:", ascii(text[:80]), found[:20], ids[:20])
    print(f"{len(texts)} texts, {wrong} differ")
    return wrong == 0


arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("--model", help="compare this tokenizer.json instead")
arguments.add_argument("--program", default=".build/release/hybridize")
given = arguments.parse_args()
if given.model:
    sys.exit(0 if compare(given.model, given.program) else 1)
write()
