"""Patches of real slides with a person's labels, for evaluate.py.

    coverslipctl region -w 2220 -h 2967 -o cmu.png CMU-1-Small-Region.svs
    python tools/starter/real.py --picture cmu.png --mpp 0.499 --areas tools/starter/areas-cmu.json --out real

The areas were outlined by eye on the picture (their corners are pixels of it).
A patch of 112 µm counts when most of it lies in one of them. Groups are
squares of 450 µm: what is learned from and what is judged never share one.
"""

import argparse
import json
import os

import numpy as np
from PIL import Image, ImageDraw


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--picture", required=True)
    p.add_argument("--mpp", type=float, required=True)
    p.add_argument("--areas", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--inside", type=float, default=0.6, help="share of a patch that lies in the area")
    p.add_argument("--step", type=float, default=28, help="µm from patch to patch")
    a = p.parse_args()
    picture = Image.open(a.picture).convert("RGB")
    with open(a.areas) as f:
        areas = json.load(f)
    width = round(112 / a.mpp)
    rasters = []
    for area in areas["areas"]:
        im = Image.new("L", picture.size)
        ImageDraw.Draw(im).polygon([tuple(q) for q in area["corners"]], fill=1)
        rasters.append(np.asarray(im).cumsum(0, dtype=np.int64).cumsum(1))
    images, labels, groups, corners = [], [], [], []
    step = max(int(a.step / a.mpp), 1)
    for y in range(1, picture.height - width, step):
        for x in range(1, picture.width - width, step):
            for area, r in zip(areas["areas"], rasters):
                inside = r[y + width - 1, x + width - 1] - r[y - 1, x + width - 1] - r[y + width - 1, x - 1] + r[y - 1, x - 1]
                if inside >= a.inside * width * width:
                    images.append(np.asarray(picture.crop((x, y, x + width, y + width)).resize((112, 112), Image.BICUBIC)))
                    labels.append(area["label"])
                    groups.append(int(y * a.mpp / 450) * 100 + int(x * a.mpp / 450))
                    corners.append([x, y])
                    break
    os.makedirs(a.out, exist_ok=True)
    name = os.path.splitext(os.path.basename(a.areas))[0]
    np.save(os.path.join(a.out, name + ".npy"), np.stack(images))
    tasks = {task: [says.get(l, "") for l in labels] for task, says in areas["tasks"].items()}
    file = os.path.join(a.out, "labels.json")
    sets = json.load(open(file)) if os.path.exists(file) else []
    sets = [s for s in sets if s["slide"] != areas["slide"]]
    sets.append({"slide": areas["slide"], "images": name + ".npy", "tasks": tasks, "groups": groups, "corners": corners, "width": width})
    with open(file, "w") as f:
        json.dump(sets, f)
    for task, says in tasks.items():
        print(areas["slide"], task, {c: says.count(c) for c in sorted(set(says)) if c})


if __name__ == "__main__":
    main()
