# SPDX-License-Identifier: Apache-2.0
"""Makes tests/text/golden: small tokenizers of every kind, and the ids that the reference gives.

    python tests/text/make_golden.py [--out DIR] [--random N]

Needs tokenizers, sentencepiece. --random adds N random texts a tokenizer (for a search for differences
with --out elsewhere and SHORTEN_TOKENIZER_CASES=DIR/cases.json; the committed files have none).
"""
import argparse
import base64
import json
import os
import random
import sys

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from check_tokenizers import AWKWARD  # noqa: E402

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
META = "\u2581"
BYTES = [f"<0x{b:02X}>" for b in range(256)]
EXTRA = ["<A>", "x<A>y", " <A> ", "<L> a", "a \t<L> <R> \n b", "<W>", "a<W>", "<W> a-<W>-", "a<N>b <N>",
         "Na\u00efve <N>", "nai\u0308ve na\u00efve", "<A><L>  <R><W>", "foo  <L>  <L>  bar",
         "<R>   <A>   <R>", "<W><W> <W>_", "AB<A>AB"]
MARKS = [AddedToken("<A>", special=True, normalized=False),
         AddedToken("<L>", lstrip=True, special=True, normalized=False),
         AddedToken("<R>", rstrip=True, normalized=False), AddedToken("<W>", single_word=True, normalized=False),
         AddedToken("<N>", normalized=True), AddedToken("na\u00efve", normalized=True)]


def corpus():
    with open(os.path.join(ROOT, "examples", "texts", "calibrate.txt"), encoding="utf-8") as f:
        text = f.read()[:60000]
    return [line + "\n" for line in text.split("\n")] + [a for a in AWKWARD if len(a) < 130]


def trained(pre, size=420, **options):
    """Byte-level BPE."""
    t = Tokenizer(models.BPE(**options))
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, show_progress=False, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def spm_like(pieces, split_text, **options):
    """BPE over characters with U+2581 for spaces, its merges learnt from `split_text`."""
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Split(Regex(split_text), "isolated")
    t.normalizer = normalizers.Replace(" ", META)
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=420, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + pieces, limit_alphabet=90))
    model = json.loads(t.to_str())["model"]
    merges = [tuple(m) for m in model["merges"]]
    return Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, unk_token="<unk>", **options))


LLAMA_DECODER = [decoders.Replace(META, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
LLAMA_NORMALIZER = [normalizers.Prepend(META), normalizers.Replace(" ", META)]
WORDS = META + "[^" + META + "]*"


def tokenizers():
    level = pre_tokenizers.ByteLevel
    yield "gpt2", trained(level(add_prefix_space=False))

    t = trained(level(add_prefix_space=True))
    t.normalizer = normalizers.NFC()
    t.add_tokens(MARKS)
    yield "byte-level-nfc", t

    t = trained(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                         level(add_prefix_space=False, use_regex=False)]), 460)
    t.model.ignore_merges = True
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|endoftext|> $A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)])])
    yield "llama3", t

    t = spm_like(BYTES, WORDS, byte_fallback=True, fuse_unk=True)
    t.normalizer = normalizers.Sequence(LLAMA_NORMALIZER)
    t.decoder = decoders.Sequence(LLAMA_DECODER)
    t.add_special_tokens([AddedToken(s, normalized=False) for s in ("<unk>", "<s>", "</s>")])
    t.add_tokens(MARKS)
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    yield "llama2", t

    # Merges over word boundaries; added tokens are looked for in the normalized text.
    t = spm_like(BYTES[:128], ".*", byte_fallback=True, fuse_unk=True)
    t.normalizer = normalizers.Sequence(LLAMA_NORMALIZER)
    t.decoder = decoders.Sequence(LLAMA_DECODER)
    t.add_tokens([AddedToken(s, normalized=True) for s in ("<unk>", "<s>", "</s>", "and the")])
    yield "over-spaces", t

    for scheme, split in (("first", False), ("always", True), ("never", True)):
        t = spm_like([], WORDS, fuse_unk=scheme == "first")
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=scheme != "never"),
                                                   pre_tokenizers.Metaspace(META, scheme, split)])
        if scheme == "first":
            t.pre_tokenizer = pre_tokenizers.Metaspace(META, scheme, split)
        t.decoder = decoders.Metaspace(META, scheme, split)
        t.add_tokens(MARKS)
        yield "metaspace-" + scheme, t

    # No unknown token: what has no piece vanishes.
    full = json.loads(spm_like([], WORDS).to_str())["model"]
    t = Tokenizer(models.BPE(vocab=full["vocab"], merges=[tuple(m) for m in full["merges"]]))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(),
                                         normalizers.Replace(Regex(r"\s+"), META)])
    yield "nfkc-no-unk", t

    for behavior in ("removed", "merged_with_previous", "merged_with_next", "contiguous"):
        t = trained(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s|[.,]"), behavior, invert=False),
                                             level(add_prefix_space=behavior == "contiguous", use_regex=False)]), 300)
        t.normalizer = normalizers.NFD() if behavior == "removed" else normalizers.NFKD()
        yield "split-" + behavior.replace("_", "-"), t

    t = trained(pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "removed", invert=True),
                                         level(add_prefix_space=False, use_regex=True)]), 300)
    yield "split-inverted", t


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def sentencepiece_models(out):
    out = os.path.relpath(out)  # a model file records the paths it was trained with
    text = os.path.join(out, "corpus.tmp")
    with open(text, "w", encoding="utf-8") as f:
        f.writelines(corpus())
    rules = os.path.join(out, "rules.tmp")
    with open(rules, "w", encoding="utf-8") as f:  # of nfkc only these few: the whole table is 240 KB
        for a, b in (("\ufb01", "fi"), ("\u00bd", "1\u20442"), ("e\u0301", "\u00e9"), ("\t", " "), ("\n", " ")):
            f.write("\t".join(" ".join(f"{ord(c):04X}" for c in side) for side in (a, b)) + "\n")
    common = dict(input=text, minloglevel=2, num_threads=1, input_sentence_size=0)
    kinds = {
        "spm-bpe": dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity",
                        remove_extra_whitespaces=False, character_coverage=0.99, split_digits=True),
        "spm-bpe-unknown": dict(model_type="bpe", vocab_size=300, normalization_rule_name="identity",
                                character_coverage=0.98, user_defined_symbols=["<A>", "AB"]),
        "spm-unigram": dict(model_type="unigram", vocab_size=300, normalization_rule_tsv=rules,
                            character_coverage=0.98),
    }
    for name, options in kinds.items():
        os.makedirs(os.path.join(out, name), exist_ok=True)
        sentencepiece.SentencePieceTrainer.train(model_prefix=os.path.join(out, name, "tokenizer"), **common, **options)
        os.remove(os.path.join(out, name, "tokenizer.vocab"))
        yield name, sentencepiece.SentencePieceProcessor(os.path.join(out, name, "tokenizer.model"))
    os.remove(text)
    os.remove(rules)


def random_text(rng):
    pieces = AWKWARD + EXTRA + list("abc <>ANLRW.,'\n\t 12\u00e9e\u0301\u0308\u2581\u4f60\U0001f600")
    return "".join(rng.choice(pieces)[:rng.randint(1, 40)] for _ in range(rng.randint(1, 12)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(HERE, "golden"))
    parser.add_argument("--random", type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    rng = random.Random(1)
    short = [t for t in AWKWARD if len(t) <= 60]
    more = EXTRA + [random_text(rng) for _ in range(args.random)]
    sets = []
    for number, (name, t) in enumerate(tokenizers()):
        texts = short[number % 2::2] + more  # the files are to stay small
        value = json.loads(t.to_str())
        folder = os.path.join(args.out, name)
        write_json(os.path.join(folder, "tokenizer.json"), value)
        cases = []
        for text in texts:
            ids = t.encode(text, add_special_tokens=False).ids
            case = {"text": text, "ids": ids}
            if value["post_processor"]:
                case["with_special"] = t.encode(text).ids
            if name != "over-spaces":  # there tokenizers 0.23 does not skip special tokens: they are normalized
                case["decoded"] = t.decode(ids, skip_special_tokens=True)
            cases.append(case)
        bos = {"llama2": 1, "llama3": 0}.get(name)
        sets.append({"model": name, "kind": "json", "vocabulary": t.get_vocab_size(), "bos": bos, "cases": cases})
        if name == "gpt2":
            files = os.path.join(args.out, "gpt2-files")
            write_json(os.path.join(files, "tokenizer_config.json"), {"tokenizer_class": "GPT2Tokenizer"})
            write_json(os.path.join(files, "vocab.json"), value["model"]["vocab"])
            with open(os.path.join(files, "merges.txt"), "w", encoding="utf-8") as f:
                f.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in value["model"]["merges"]))
            sets.append({"model": "gpt2-files", "vocabulary": t.get_vocab_size(), "bos": 0, "cases": cases[::4]})
        if name == "llama3":
            printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
            others = [b for b in range(256) if b not in printable]
            back = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
            tokens = sorted((i, bytes(back[c] for c in s)) for s, i in value["model"]["vocab"].items() if i > 0)
            os.makedirs(os.path.join(args.out, "tiktoken"), exist_ok=True)
            with open(os.path.join(args.out, "tiktoken", "tokenizer.model"), "w") as f:
                f.writelines(f"{base64.b64encode(b).decode()} {i - 1}\n" for i, b in tokens)
            shifted = [{"text": c["text"], "ids": [i - 1 for i in c["ids"]]} for c in cases if "<|" not in c["text"]]
            sets.append({"model": "tiktoken", "vocabulary": len(tokens) + 256, "bos": len(tokens),
                         "cases": shifted[::4]})
    for name, t in sentencepiece_models(args.out):
        texts = short[::2] + more
        cases = [{"text": text, "ids": t.encode(text)} for text in texts]
        sets.append({"model": name, "kind": "sentencepiece", "vocabulary": t.get_piece_size(), "bos": 1,
                     "cases": cases})
    write_json(os.path.join(args.out, "cases.json"), {"sets": sets})


if __name__ == "__main__":
    main()
