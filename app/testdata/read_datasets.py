"""Reads datasets that TestExportDataset_OthersReadIt wrote, by the programs they are meant for."""
import glob, json, os, sys
import numpy as np

root = sys.argv[1]
from datasets import load_dataset
for name in ("csv", "jsonl", "parquet"):
    d = load_dataset("imagefolder", data_dir=os.path.join(root, name, "patches"), cache_dir=os.path.join(root, "cache"))
    assert sum(len(v) for v in d.values()) == 24, (name, d)
    row = d["train"][0]
    assert row["image"].size == (64, 64) and row["label"] in ("Tumour", "Fat"), row
    if name == "jsonl":
        assert row["objects"]["bbox"], row

from pycocotools.coco import COCO
c = COCO(os.path.join(root, "coco", "annotations", "instances_train.json"))
assert len(c.getImgIds()) == 12
for a in c.loadAnns(c.getAnnIds()):
    m = c.annToMask(a)
    ys, xs = np.nonzero(m)
    assert m.sum() == a["area"] and a["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1], a

import webdataset as wds
shard = os.path.join(root, "wds", "shards", "train-000000.tar")
rows = list(wds.WebDataset("file:" + shard, shardshuffle=False).decode("rgb8"))
assert len(rows) == 12 and rows[0]["png"].shape == (64, 64, 3) and rows[0]["cls"] in (0, 1), rows[0].keys()

import tifffile
for path in glob.glob(os.path.join(root, "coco", "labels", "*.tif")) + glob.glob(os.path.join(root, "wds", "labels", "*.tif")):
    with tifffile.TiffFile(path) as t:
        a = t.series[0].levels[0].asarray()
        assert a.dtype == np.uint8 and (a > 0).sum() == 128 * 128 + 128 * 64, (path, a.shape, (a > 0).sum())
        assert t.is_ome == path.endswith(".ome.tif")
try:
    import mlcroissant
except ImportError:
    pass
else:
    d = mlcroissant.Dataset(jsonld=os.path.join(root, "coco", "croissant.json"))
    assert len(list(d.records("patches"))) == 24
print("read")
