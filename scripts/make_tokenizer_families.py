"""Writes fixtures/tokenizers: what the packages `tokenizers` 0.23 and `sentencepiece` make of 2,000 texts of all scripts, for
small tokenizers of each kind in use, and of some of these texts for every step that a tokenizer.json can have.

    make_tokenizer_families.py FOLDER    FOLDER has the small tokenizers, NAME.json each

Needs `pip install numpy safetensors tokenizers sentencepiece`."""
import base64
import contextlib
import json
import pathlib
import random
import shutil
import sys
import tempfile
import unicodedata

import numpy
import sentencepiece
from safetensors.numpy import save_file
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "fixtures/tokenizers"
TEXTS = 2000
VARIANT_TEXTS = 100
SPECIAL_TEXTS = 500

# Scripts and blocks of signs; those of plain English more often.
BLOCKS = [(0x20, 0x7E)] * 6 + [
    (0x09, 0x0D), (0xA0, 0xFF), (0x100, 0x24F), (0x250, 0x2AF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF),
    (0x531, 0x587), (0x591, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F), (0x980, 0x9FF), (0xE01, 0xE5B), (0xF00, 0xFD4),
    (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFE), (0x2000, 0x206F), (0x2070, 0x209C),
    (0x20A0, 0x20BF), (0x2100, 0x218B), (0x2190, 0x21FF), (0x2460, 0x24FF), (0x2580, 0x2600), (0x3000, 0x303F),
    (0x3041, 0x30FF), (0x3131, 0x318E), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xF900, 0xFA6D), (0xFB00, 0xFB4F),
    (0xFE00, 0xFE0F), (0xFF01, 0xFFEE), (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x1F900, 0x1F9FF),
    (0x10330, 0x1034A), (0x20000, 0x20100), (0xE0061, 0xE007F)]
WORDS = """the of and to a in is that it was for on are as with his they I at be this have from or one had by hot but some
what there we can out other were all your when up use word how said an each she which do their time if will way about many
then them would write like so these her long make thing see him two has look more day could go come did my sound no most
number who over know water than call first people may down side been now find don't it's we're I'LL they'VE he'd""".split()
PIECES = [
    "\n", "\n\n", " \n", "\r\n", "\t", "  ", "   ", "        ", " ", "\u00a0", "\u3000", "\u2028", "\u200b", "\u200d",
    "\u0085", "'s", "'S", "'\u017f", "\u2019s", "...", "!!", "?!\n", " 123", "2024-11-30", "3.14159", "1,000,000",
    "\uff11\uff12", "\u0967\u0968\u0969", "\u216b", "\u00bd", "e\u0301", "\u00e9", "A\u030a", "\u212b", "\ufb01", "\ufb03",
    "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab", "\u65e5\u672c\u8a9e\u30c6\u30ad\u30b9\u30c8", "\u4e2d\u6587",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "\u05e2\u05d1\u05e8\u05d9\u05ea", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\u0e44\u0e17\u0e22", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "#\ufe0f\u20e3", "<s>", "</s>", "<unk>", "<|endoftext|>", "<|im_start|>",
    "<0x0A>", "\u2581", "\u2581\u2581", "\u2581a", "_", "__init__", "camelCaseWord", "HTTPServer", "x\u00b2",
    "\u0130stanbul", "STRASSE \u00df", "a_b-c.d/e", "http://a.b/c?d=e&f", "def f(x):\n    return x*2\n", '{"k": [1, 2]}',
    "$100", "\u20ac5", "<b>", "&amp;", "\\n", "\u0120", "\u010a", "\u0301", "\u0000", "\u0001", "\u001c", "\ufeff", "\ufffd"]


def printable(point):
    return unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")


def text(chance):
    parts = []
    for _ in range(chance.choice([0, 1, 1, 2, 3, 5, 8, 13, 30])):
        kind = chance.random()
        if kind < 0.35:
            parts.append((" " if chance.random() < 0.7 else "") + chance.choice(WORDS))
        elif kind < 0.75:
            parts.append(chance.choice(PIECES))
        else:
            mixed = kind < 0.9
            block = chance.choice(BLOCKS)
            points = [chance.randint(*(chance.choice(BLOCKS) if mixed else block)) for _ in range(chance.randint(1, 9))]
            parts.append("".join(chr(point) for point in points if printable(point)))
    return "".join(parts)


def make_texts():
    chance = random.Random(1)
    return PIECES + [text(chance) for _ in range(TEXTS - len(PIECES))]


def joined(lists, kind):
    """Lists end to end, and where each begins."""
    offsets = numpy.cumsum([0] + [len(part) for part in lists]).astype(numpy.int32)
    return numpy.array([value for part in lists for value in part], kind), offsets


# Steps, each with the tokenizer that it is put into.
def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def byte_level(**changes):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **changes}


NO_REGEX = byte_level(use_regex=False)
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
EXPRESSIONS = [
    r"(?i:'s)|a", r"\p{N}{1,3}+", r"e{2}?|.", r"\w+", r"[\W_]+", r"\p{Han}+", r"[\p{L}&&[^\p{Han}]]+", r"\s+",
    r"a(?i)b|th|E", r"$", r"^", r".", r"\h+", r"\p{Punct}+", r"[[:punct:]]+", r"\p{Alpha}+", r"\bthe\b", r"\Bt",
    r"[a[bc]]+", r"\p{^L}+", r"\p{Letter}+", r"\d+", r"\X", r"\R", r"[^\S\r\n]+", r"(?<=a)b|(?<!t)h", r"(?=t)|x",
    r"(?m:a.b)", r"[\p{Lu}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re)?",
    r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"[^[a-z]\d]+", r"[\]a-]+", r"[-a]+", r"x{,2}y|e{1,}", r"\{|\}|{", r"(?>a+)b|th(?:e|at)", r"[[:alpha:]]+|[[:^alpha:]]",
    r"\p{Greek}+|\p{Cyrillic}+", r"[^\d\s]+", r"\P{L}+", r"(?i)stra\u00dfe|\u017f|k", r"\A.|.\z", r".\Z",
    r"\u0041|\x41|\x{e9}", r"a|e|", r"[^a-z&&aeiou]+", r"[a-z&&[^aeiou]&&[^xyz]]+", r"[[:word:]]+", r"\p{Graph}+",
    r"[[:upper:]]+", r"[[:digit:]]+|[[:xdigit:]]+", r"(?#c)a", r"a{1}{2}", r"e+?+"]
NORMALIZERS = {
    "NFD": {"type": "NFD"}, "NFKC": {"type": "NFKC"}, "NFKD": {"type": "NFKD"}, "NFC": {"type": "NFC"},
    "lowercase": {"type": "Lowercase"}, "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "strip right": {"type": "Strip", "strip_left": False, "strip_right": True},
    "accents": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}, "nmt": {"type": "Nmt"},
    "prepend": {"type": "Prepend", "prepend": "x "},
    "replace": {"type": "Replace", "pattern": {"String": "the"}, "content": "THE"},
    "replace expression": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "_"},
    "empty": {"type": "Sequence", "normalizers": []}, "bytes": {"type": "ByteLevel"},
    "nested": {"type": "Sequence", "normalizers": [
        {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}, {"type": "Lowercase"}]}}


def metaspace(scheme, splits):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": splits}


def variants(character_map):
    for name, step in NORMALIZERS.items():
        yield f"normalizer {name}", "gpt2", {"normalizer": step}
        yield f"normalizer {name}, pieces", "llama2-metaspace", {"normalizer": step}
    table = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(character_map).decode()}
    yield "normalizer precompiled", "unigram", {"normalizer": table}
    patterns = {"expression": {"Regex": r"\s+|\d"}, "text": {"String": "e"}, "empty": {"Regex": "x*"},
                "known": {"Regex": LLAMA3}}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            for name, pattern in patterns.items():
                yield (f"split {behavior} {invert} {name}", "gpt2",
                       {"pre_tokenizer": sequence(split(pattern, behavior, invert), NO_REGEX)})
        yield (f"punctuation {behavior}", "gpt2",
               {"pre_tokenizer": sequence({"type": "Punctuation", "behavior": behavior}, NO_REGEX)})
    digits = {"type": "Digits", "individual_digits": True}
    for name, step in {
            "digits in runs": sequence({"type": "Digits", "individual_digits": False}, byte_level()),
            "whitespace": sequence({"type": "Whitespace"}, NO_REGEX),
            "whitespace split": sequence({"type": "WhitespaceSplit"}, NO_REGEX),
            "prefix space": byte_level(add_prefix_space=True),
            "prefix space behind digits": sequence(digits, byte_level(add_prefix_space=True)),
            "no steps": sequence(), "none": None, "bytes first": sequence(byte_level(), digits),
            "bytes twice": sequence(byte_level(), NO_REGEX),
            "delimiter": sequence({"type": "CharDelimiterSplit", "delimiter": "e"}, byte_level()),
            "empty text": sequence(split({"String": ""}), NO_REGEX)}.items():
        yield f"pre-tokenizer {name}", "gpt2", {"pre_tokenizer": step}
    for expression in EXPRESSIONS:
        yield f"expression {expression}", "gpt2", {"pre_tokenizer": sequence(split({"Regex": expression}), NO_REGEX)}
    for scheme in ("first", "always", "never"):
        for splits in (True, False):
            for base in ("llama2-metaspace", "unigram"):
                step = metaspace(scheme, splits)
                yield f"metaspace {scheme} {splits} {base}", base, {"pre_tokenizer": step, "decoder": step}
        yield (f"metaspace {scheme} behind white space", "llama2-metaspace",
               {"pre_tokenizer": sequence({"type": "WhitespaceSplit"}, metaspace(scheme, True))})
    for name, fields in {
            "no fallback": {"byte_fallback": False}, "unknown apart": {"byte_fallback": False, "fuse_unk": False},
            "no unknown": {"byte_fallback": False, "unk_token": None}, "whole words": {"ignore_merges": True},
            "suffix": {"end_of_word_suffix": "\u2581"}}.items():
        yield f"model {name}", "llama2-metaspace", {"model": fields}
    yield "model unigram with bytes", "unigram", {
        "bytes": True, "model": {"byte_fallback": True}}
    for name, step in {
            "none": None, "byte fallback": {"type": "ByteFallback"}, "fuse": {"type": "Fuse"},
            "suffix": {"type": "BPEDecoder", "suffix": "e"},
            "replace": {"type": "Replace", "pattern": {"Regex": "[aeiou]"}, "content": "#"}}.items():
        yield f"decoder {name}", "llama2-metaspace", {"decoder": step}
    begin, body, end = ({"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "E", "type_id": 0}})
    for name, single in {"both": [begin, body, end], "none": [body]}.items():
        yield f"template {name}", "llama2-metaspace", {"post_processor": {
            "type": "TemplateProcessing", "single": single, "pair": [body, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
                               "E": {"id": "E", "ids": [2, 5], "tokens": ["</s>", "x"]}}}}
    yield "template of RoBERTa", "llama2-metaspace", {"post_processor": {
        "type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": True}}
    chance = random.Random(5)
    for number in range(8):
        for base in ("gpt2", "llama2-metaspace", "unigram"):
            changes = {"added": []}
            if number % 2:
                changes["normalizer"] = chance.choice([NORMALIZERS[name] for name in ("lowercase", "prepend", "NFD")])
            for word in ("cat", "the", "  ", "\n", "<b>", "Hello", "the of", "\u00e9", "\u00c9T\u00c9", "'s", "1", "12",
                         "<|im_start|>", "<|im", "end", "of", "a", "\u216b", "\ud55c", "\u2026"):
                flags = {flag: chance.random() < 0.4
                         for flag in ("single_word", "lstrip", "rstrip", "normalized", "special")}
                if chance.random() < 0.6:
                    changes["added"].append({"content": word, **flags})
            yield f"added tokens {number} {base}", base, changes


def changed(base, changes):
    file = json.loads(json.dumps(base))
    for key in ("normalizer", "pre_tokenizer", "decoder", "post_processor"):
        if key in changes:
            file[key] = changes[key]
    if "bytes" in changes:
        file["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
    file["model"].update(changes.get("model", {}))
    count = len(file["model"]["vocab"])
    file["added_tokens"] += [{"id": count + index, **token} for index, token in enumerate(changes.get("added", []))]
    return file


def outcome(tokenizer, value):
    """Ids without and with special tokens and the decoded text; None where the package itself fails."""
    try:
        special = tokenizer.encode(value).ids
        return [tokenizer.encode(value, add_special_tokens=False).ids, special,
                tokenizer.decode(special, skip_special_tokens=False)]
    except BaseException:
        return None


def sentence_pieces(texts, scratch):
    """Small models of SentencePiece."""
    corpus = scratch / "corpus.txt"
    documents = (ROOT / "fixtures/text/heldout.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [line for document in documents for line in json.loads(document)["text"].split("\n") if line.strip()][:4000]
    lines += [value.replace("\n", " ") for value in texts[:150]]
    corpus.write_text("\n".join(line for line in lines if "\0" not in line and "\u2581" not in line), encoding="utf-8")
    kinds = {
        "pairs": dict(model_type="bpe", vocab_size=900, byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True),
        "pairs-user": dict(model_type="bpe", vocab_size=900, byte_fallback=True, normalization_rule_name="nfkc",
                           user_defined_symbols=["<x>", "the", "  ", "\n", "ab c"], control_symbols=["<ctl>"]),
        "unigram": dict(model_type="unigram", vocab_size=900, normalization_rule_name="nmt_nfkc_cf"),
        "unigram-bytes": dict(model_type="unigram", vocab_size=900, byte_fallback=True, add_dummy_prefix=False,
                              normalization_rule_name="identity", user_defined_symbols=["<x>", "the"]),
    }
    # A model keeps the paths that it was made with: relative ones are the same everywhere.
    for name, options in kinds.items():
        with contextlib.chdir(scratch):
            sentencepiece.SentencePieceTrainer.train(
                input=corpus.name, model_prefix=name, minloglevel=2, hard_vocab_limit=False, character_coverage=0.98,
                num_threads=1, **options)
        shutil.copy(scratch / f"{name}.model", TARGET / f"{name}.model")
        yield name, sentencepiece.SentencePieceProcessor(str(scratch / f"{name}.model"))


def main(folder):
    TARGET.mkdir(exist_ok=True)
    texts = make_texts()
    (TARGET / "texts.json").write_text(json.dumps(texts, ensure_ascii=False) + "\n", encoding="utf-8")
    tensors, decoded, files = {}, {}, {}

    def put(name, lists):
        tensors[name], tensors[name + ".offsets"] = joined(lists, numpy.uint16)

    for path in sorted(pathlib.Path(folder).glob("*.json")):
        (TARGET / f"{path.stem}.tokenizer.json").write_bytes(path.read_bytes())
        files[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(path))
        found = [outcome(tokenizer, value) for value in texts]
        put(path.stem, [ids for ids, _, _ in found])
        put(path.stem + ".special", [special for _, special, _ in found[:SPECIAL_TEXTS]])
        again = [text for _, _, text in found]
        decoded[path.stem] = {str(i): text for i, text in enumerate(again) if text != texts[i]}
    character_map = None
    with tempfile.TemporaryDirectory() as scratch:
        for name, processor in sentence_pieces(texts, pathlib.Path(scratch)):
            ids = [processor.encode(value) for value in texts]
            put(name + ".model", ids)
            again = [processor.decode(part) for part in ids]
            decoded[name + ".model"] = {str(i): text for i, text in enumerate(again) if text != texts[i]}
            if name == "unigram":
                proto = (pathlib.Path(scratch) / "unigram.model").read_bytes()
                character_map = charsmap(proto)
    cases = []
    for name, base, changes in variants(character_map):
        tokenizer = Tokenizer.from_str(json.dumps(changed(files[base], changes)))
        found = [outcome(tokenizer, value) for value in texts[:VARIANT_TEXTS]]
        put("variant " + name, [part[0] if part else [] for part in found])
        put("variant " + name + ".special", [part[1] if part else [] for part in found])
        if "precompiled_charsmap" in json.dumps(changes):
            changes = {"normalizer": "the table of unigram.model"}
        cases.append({"name": name, "base": base, "changes": changes, "decoded": [part and part[2] for part in found]})
    save_file(tensors, TARGET / "ids.safetensors")
    (TARGET / "ids.safetensors").chmod(0o644)
    (TARGET / "decoded.json").write_text(json.dumps(decoded, ensure_ascii=False) + "\n", encoding="utf-8")
    (TARGET / "variants.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n", encoding="utf-8")
    print(len(texts), "texts,", len(files), "tokenizers,", len(cases), "variants")


def charsmap(proto):
    """The field normalizer_spec.precompiled_charsmap of a model."""
    from sentencepiece import sentencepiece_model_pb2
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(proto)
    return model.normalizer_spec.precompiled_charsmap


main(sys.argv[1])
