"""Draws the nearest neighbours of patches of a real slide, for the eye.

    python tools/starter/neighbours.py --picture cmu.png --mpp 0.499 --checkpoint run/cooled.pt --out neighbours.png

A row is a patch and the seven nearest that do not overlap it: above by the
model, below by the statistics of colour and texture it is compared with.
"""

import argparse

import numpy as np
import torch
from PIL import Image

from evaluate import embed, statistics
from export import load

SIDE, SHOWN = 112, 7


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--picture", required=True)
    p.add_argument("--mpp", type=float, required=True)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--tokenizer", default=__file__.rsplit("neighbours.py", 1)[0] + "tokenizer")
    p.add_argument("--out", required=True)
    p.add_argument("--rows", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    picture = Image.open(a.picture).convert("RGB")
    width = round(SIDE / a.mpp)
    corners = [(x, y) for y in range(0, picture.height - width, width // 2) for x in range(0, picture.width - width, width // 2)]
    images = np.stack([np.asarray(picture.crop((x, y, x + width, y + width)).resize((SIDE, SIDE), Image.BICUBIC)) for x, y in corners])
    tissue = images.min(3).mean((1, 2)) < 215
    images, corners = images[tissue], np.array(corners)[tissue]
    model, _, _ = load(a.checkpoint, a.tokenizer)
    kinds = []
    for v in (embed(model, images), statistics(images)):
        v = (v - v.mean(0)) / (v.std(0) + 1e-6)
        kinds.append(v / np.linalg.norm(v, axis=1, keepdims=True))
    rng = np.random.default_rng(1)
    sheet = np.full((a.rows * 2 * (SIDE + 4) + a.rows * 8, (SHOWN + 1) * (SIDE + 4), 3), 255, np.uint8)
    for row, i in enumerate(rng.choice(len(images), a.rows, replace=False)):
        apart = np.abs(corners - corners[i]).max(1) >= width
        for k, v in enumerate(kinds):
            order = [j for j in np.argsort(-(v @ v[i])) if apart[j]][:SHOWN]
            y = (2 * row + k) * (SIDE + 4) + row * 8
            for col, j in enumerate([i] + order):
                sheet[y : y + SIDE, col * (SIDE + 4) : col * (SIDE + 4) + SIDE] = images[j]
    Image.fromarray(sheet).save(a.out)


if __name__ == "__main__":
    main()
