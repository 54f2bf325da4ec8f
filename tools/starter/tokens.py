"""The byte-pair tokenizer of the starter model, of CLIP's kind.

    python tools/starter/tokens.py --texts texts.txt --out tools/starter/tokenizer

learns the pairs from texts (`go run ./tools/starter --texts`), the commonest
first and ties by the alphabet, so that the same texts give the same files:
vocab.json and merges.txt as Hugging Face's CLIPTokenizer reads them.
"""

import argparse
import collections
import json
import os
import re

START, END = "<|startoftext|>", "<|endoftext|>"
# CLIP's pattern, https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def byte_symbols():
    """GPT-2's printable characters for the 256 bytes."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, n = {}, 0
    for b in range(256):
        if b in keep:
            table[b] = chr(b)
        else:
            table[b] = chr(256 + n)
            n += 1
    return table


SYMBOLS = byte_symbols()


def words(text):
    text = re.sub(r"\s+", " ", text).strip().lower()
    return ["".join(SYMBOLS[b] for b in w.encode()) for w in WORDS.findall(text)]


def learn(texts, size):
    """Merges of a vocabulary of that size."""
    count = collections.Counter(w for t in texts for w in words(t))
    parts = {w: list(w[:-1]) + [w[-1] + "</w>"] for w in count}
    merges = []
    while len(merges) < size - 514:
        pairs = collections.Counter()
        for w, p in parts.items():
            for a, b in zip(p, p[1:]):
                pairs[a, b] += count[w]
        if not pairs:
            break
        best = min(pairs, key=lambda k: (-pairs[k], k))
        if pairs[best] < 2:
            break
        merges.append(best)
        for w, p in parts.items():
            parts[w] = merge(p, best)
    return merges


def merge(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


class Tokenizer:
    """Reads a folder; encode gives the numbers with begin and end."""

    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as f:
            self.vocab = json.load(f)
        with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as f:
            lines = f.read().split("\n")[1:]
        self.ranks = {tuple(l.split()): i for i, l in enumerate(lines) if l}
        self.start, self.end = self.vocab[START], self.vocab[END]
        self.cache = {}

    def word(self, w):
        if w not in self.cache:
            parts = list(w[:-1]) + [w[-1] + "</w>"]
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if best not in self.ranks:
                    break
                parts = merge(parts, best)
            self.cache[w] = [self.vocab[p] for p in parts]
        return self.cache[w]

    def encode(self, text, most):
        ids = [i for w in words(text) for i in self.word(w)]
        return [self.start] + ids[: most - 2] + [self.end]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--texts", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--size", type=int, default=2048)
    a = p.parse_args()
    with open(a.texts, encoding="utf-8") as f:
        merges = learn(f.read().splitlines(), a.size)
    base = [SYMBOLS[b] for b in range(256)]
    names = base + [s + "</w>" for s in base] + ["".join(m) for m in merges] + [START, END]
    names = list(dict.fromkeys(names))
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "vocab.json"), "w", encoding="utf-8") as f:
        json.dump({n: i for i, n in enumerate(names)}, f, ensure_ascii=False)
    with open(os.path.join(a.out, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{x} {y}\n" for x, y in merges))
    print(len(names), "entries")


if __name__ == "__main__":
    main()
