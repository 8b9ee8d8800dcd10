# SPDX-License-Identifier: Apache-2.0
"""Compares our tokenizers with a reference, token for token.

    python tests/interop/check_tokenizers.py --test build/test_text --reference file MODEL_DIR... --data FILE...

The reference's ids of every file (and of awkward texts, see AWKWARD) go into a JSON file; the test
program reads it through SHORTEN_TOKENIZER_CASES and compares. References:
    auto           transformers.AutoTokenizer
    file           tokenizers.Tokenizer.from_file(MODEL_DIR/tokenizer.json)
    sentencepiece  sentencepiece on MODEL_DIR/tokenizer.model
A .json or .jsonl file gives every string value in it as a text of its own. Exit status: the test's.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

AWKWARD = [
    "", " ", "  ", "   \n", "\n", "\n\n\n", "\t\t a\tb \t", "\r\n\r\n x\r\n", "a\x00b\x00", "\x7f\x01\x1b[31m",
    " Hello", "  Hello  world  ", "Hello world " * 3, "caf\u00e9 cafe\u0301 e\u0301\u0323 \u1e69 s\u0323\u0307",
    "\u1100\u1161\u11a8\uac01 \u0915\u093c \u0958 \u2126 \u212b \ufb01 \u00bd \u00b2",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f \uc548\ub155 "
    "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd "
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u10d2\u10d0\u10db",
    "mixed\u0441\u043c\u0435\u0441\u044c\u6df7\u5408abc123\u0661\u0662\u0663\u00bc\u2167",
    "\u2581", "\u2581\u2581x", " \u2581 \u2581a\u2581b ", "a\u00a0b\u2003c\u3000d\u180ee\u200bf\ufefff\u0085g\u2028h",
    "<s>", "</s>", "<unk>", " <s> a", "a<s>b", "a <s> b", "<s><s> <s>", "<unk> <unk>x<unk>", "< s>", "<s", "x</s> \n y",
    "<|endoftext|>", " <|endoftext|> a", "a<|endoftext|>b <|im_start|>user\n<|im_end|>",
    "<|begin_of_text|>hi<|eot_id|> there",
    "<|start_story|>Once <|end_story|> upon<|start_story|>", "<0x0A><0xE2>", "\ufffd\ufffe\U0010ffff\ue000",
    "I'll we've it's 'S 'LL don\u2019t DON'T 'tis 's'\u017f", "1234567890 12 345 6.78e-9 0x1F 1,000,000",
    "a" * 300, "\u00e4" * 257, "ab" * 2000, " " * 1000, "\n" * 333, " \n" * 100 + "x", "x" + " " * 57 + "y",
    "\t" * 40 + "z",
    "=" * 200, "." * 65, "!?" * 50, "\u6f22" * 120, "\U0001f600" * 40,
    "Donaudampfschifffahrtsgesellschaftskapit\u00e4n" * 9,
    "def f(x):\n    if x:\n        return {\n            'a': [1, 2],\n        }\n",
    "https://example.org/a?b=c&d=%20#e",
    "a\u0300\u0301\u0302" * 30, "\u0300\u0301 x", "\ud55c\u1100\u1161", "\U00031350\U0002ebf0\U00011f00\U0001e4d0",
]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from strings(v)


def texts_of(path):
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    if path.endswith(".json"):
        return list(strings(json.loads(text)))
    if path.endswith(".jsonl"):
        return [s for line in text.splitlines() for s in strings(json.loads(line))]
    return [text] + text.split("\n")[:4000]


class Reference:
    def __init__(self, name, model):
        self.name = name
        if name == "auto":
            from transformers import AutoTokenizer
            self.tokenizer = AutoTokenizer.from_pretrained(model)
        elif name == "file":
            from tokenizers import Tokenizer
            self.tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
            # tokenizers 0.23 does not skip special tokens that are "normalized"
            added = self.tokenizer.get_added_tokens_decoder().values()
            self.keeps_special = any(t.special and t.normalized for t in added)
        else:
            import sentencepiece
            self.tokenizer = sentencepiece.SentencePieceProcessor(os.path.join(model, "tokenizer.model"))

    def case(self, text, decode):
        t = self.tokenizer
        if self.name == "sentencepiece":
            return {"text": text, "ids": t.encode(text)}
        if self.name == "auto":
            ids = t(text, add_special_tokens=False)["input_ids"]
            return {"text": text, "ids": ids, "with_special": t(text)["input_ids"]}
        out = {"text": text, "ids": t.encode(text, add_special_tokens=False).ids}
        if decode:
            out["with_special"] = t.encode(text).ids
            if not self.keeps_special:
                out["decoded"] = t.decode(out["ids"], skip_special_tokens=True)
            out["decoded_plain"] = t.decode(out["ids"], skip_special_tokens=False)
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--test", required=True, help="the test program of the room text")
    parser.add_argument("--reference", choices=["auto", "file", "sentencepiece"], default="auto")
    parser.add_argument("--data", nargs="*", default=[])
    args = parser.parse_args()
    kind = {"auto": "auto", "file": "json", "sentencepiece": "sentencepiece"}[args.reference]
    sets = []
    for model in args.models:
        reference = Reference(args.reference, model)
        cases = [reference.case(text, True) for text in AWKWARD]
        for path in args.data:
            cases += [reference.case(text, False) for text in texts_of(path)]
        sets.append({"model": os.path.abspath(model), "kind": kind, "cases": cases})
        print(f"{model}: {len(cases)} texts, {sum(len(c['ids']) for c in cases)} tokens")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as f:
        json.dump({"sets": sets}, f)
        f.flush()
        environment = dict(os.environ, SHORTEN_TOKENIZER_CASES=f.name)
        return subprocess.run([args.test, "--gtest_filter=Cases.FromEnvironment"], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
