"""Shards of the Go generator, and real patches, for PyTorch."""

import functools
import glob
import json
import math
import os

import numpy as np
import torch

from network import CELLS, CONTENTS, MEAN, STD


class Shard:
    """One shard: pixels, rasters of the truth, and what the lines say."""

    def __init__(self, name):
        self.images = np.load(name + "-images.npy")
        self.look = np.load(name + "-look.npy")
        self.nuclei = np.load(name + "-nuclei.npy")
        with open(name + ".jsonl", encoding="utf-8") as f:
            self.lines = [json.loads(l) for l in f]
        for l in self.lines:  # an empty list of Go is null
            l["keys"], l["captions"] = l["keys"] or [], l["captions"] or []
        self.whole = np.array([whole(l) for l in self.lines], np.float32)


@functools.lru_cache(maxsize=64)
def shard(name):
    """A shard, kept in memory: 41 MB."""
    return Shard(name)


def shards(folder, split):
    """Names of the shards that are complete."""
    return sorted(p[:-6] for p in glob.glob(os.path.join(folder, split + "-*.jsonl")))


def whole(l):
    """What the heads predict of a whole patch; see network.Heads.GLOBAL."""
    kinds = [math.log1p(k) / 2 for k in l["kinds"]]
    c = l["changes"]
    return (l["zones"] + l["looks"] + kinds + [
        math.log1p(l["density"] / 1000), float(l["brown"]), l["positive"] * l["brown"], math.log(l["h"]), math.log(l["e"]),
        c["blur"] / 1.5, c["quality"] / 50 - 1, math.log(l["mpp"]) * 2])


def signature(l):
    """Patches that the same sentences are true of."""
    zones = tuple(i for i, z in enumerate(l["zones"]) if z > 0.22)
    return hash((zones, tuple(sorted(l["keys"]))))


def turned(x, k):
    """One of the eight turns and flips, over the last two dimensions."""
    x = torch.rot90(x, k % 4, (-2, -1))
    return (x.flip(-1) if k >= 4 else x).contiguous()


def jitter(x, strength, g):
    """Another dye, another lamp: factors of density; x is 0..1."""
    n = len(x)
    f = torch.exp(strength * torch.randn(n, 3, 1, 1, generator=g).to(x.device))
    white = 1 + 0.3 * strength * torch.randn(n, 3, 1, 1, generator=g).to(x.device)
    return ((x + 0.004) ** f * white).clamp(0, 1)


def normal(x):
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


def batches(folder, batch, rng, mix=4):
    """Endless batches over the shards that are there; new ones are noticed."""
    while True:
        names = shards(folder, "train")
        if not names:
            raise SystemExit(f"no shards in {folder}; see README.md")
        group = [shard(n) for n in rng.choice(names, min(mix, len(names)), replace=False)]
        index = [(s, i) for s in range(len(group)) for i in range(len(group[s].lines))]
        rng.shuffle(index)
        for at in range(0, len(index) - batch + 1, batch):
            part = index[at : at + batch]
            lines = [group[s].lines[i] for s, i in part]
            yield {
                "images": torch.from_numpy(np.stack([group[s].images[i] for s, i in part])),
                "look": torch.from_numpy(np.stack([group[s].look[i] for s, i in part])).long(),
                "nuclei": torch.from_numpy(np.stack([group[s].nuclei[i] for s, i in part])).float(),
                "whole": torch.from_numpy(np.stack([group[s].whole[i] for s, i in part])),
                "captions": [l["captions"][rng.integers(len(l["captions"]))] if l["captions"] else "tissue" for l in lines],
                "same": torch.tensor([signature(l) for l in lines]),
            }


def cells_of_tokens(x, grid):
    """(n,14,14) as (n,tokens,cells of a token)."""
    k = CELLS // grid
    n = len(x)
    return x.view(n, grid, k, grid, k).permute(0, 1, 3, 2, 4).reshape(n, grid * grid, k * k)


class Real:
    """Two views of real patches of pictures (PNG, at a known scale)."""

    def __init__(self, files, mpps, part=(0.0, 1.0)):
        from PIL import Image
        self.pictures = []
        for f, mpp in zip(files, mpps):
            a = np.asarray(Image.open(f).convert("RGB"))
            h = a.shape[0]
            self.pictures.append((torch.from_numpy(a[int(part[0] * h) : int(part[1] * h)].copy()), mpp))

    def views(self, n, rng):
        """n pairs: (n,3,112,112) twice, 0..1; the second moved by a few µm."""
        import torch.nn.functional as F
        out = ([], [])
        for _ in range(n):
            a, mpp = self.pictures[rng.integers(len(self.pictures))]
            want = math.exp(rng.uniform(math.log(0.75), math.log(1.35)))
            size = int(112 * want / mpp)
            for _ in range(8):  # most of a slide is glass, which teaches nothing
                y, x = rng.integers(a.shape[0] - size - 40), rng.integers(a.shape[1] - size - 40)
                if a[y : y + size : 8, x : x + size : 8].amin(-1).float().mean() < 215:
                    break
            for k in range(2):
                dy, dx = rng.integers(0, 40, 2)
                s = int(size * rng.uniform(0.9, 1.0))
                v = a[y + dy : y + dy + s, x + dx : x + dx + s].permute(2, 0, 1)[None].float() / 255
                v = F.interpolate(v, (112, 112), mode="bilinear", antialias=True)[0]
                out[k].append(turned(v, int(rng.integers(8))))
        return torch.stack(out[0]), torch.stack(out[1])


__all__ = ["Shard", "shards", "batches", "Real", "turned", "jitter", "normal", "cells_of_tokens", "signature", "CONTENTS"]
