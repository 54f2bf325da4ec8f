"""Writes oracle.json: figures of other programs for small random inputs.

    pip install numpy scipy scikit-learn statsmodels krippendorff SimpleITK shapely
    python oracle.py > oracle.json
"""
import json
import sys

import krippendorff
import numpy as np
import shapely
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

rng = np.random.default_rng(8)
out = {"cohen": [], "fleiss": [], "alpha": [], "assign": [], "masks": [], "staple": [], "polygons": [], "quantile": []}

for k, n in [(2, 30), (3, 60), (5, 80)]:
    a = rng.integers(0, k, n)
    b = np.where(rng.random(n) < 0.6, a, rng.integers(0, k, n))
    table = np.zeros((k, k), int)
    for i, j in zip(a, b):
        table[i, j] += 1
    row = {"a": a.tolist(), "b": b.tolist(), "classes": k}
    for name, w in [("none", None), ("linear", "linear"), ("quadratic", "quadratic")]:
        s = cohens_kappa(table, wt=w)
        row[name] = [cohen_kappa_score(a, b, weights=w, labels=list(range(k))), float(s.std_kappa), float(s.std_kappa0)]
    out["cohen"].append(row)

for k, readers, n in [(2, 3, 20), (4, 6, 25)]:
    counts = np.array([rng.multinomial(readers, rng.dirichlet(np.ones(k))) for _ in range(n)])
    out["fleiss"].append({"counts": counts.tolist(), "fleiss": fleiss_kappa(counts), "randolph": fleiss_kappa(counts, method="rand")})

for readers, n, k in [(2, 15, 3), (4, 20, 5)]:
    truth = rng.integers(1, k + 1, n)
    d = np.array([np.where(rng.random(n) < 0.7, truth, rng.integers(1, k + 1, n)) for _ in range(readers)]).astype(float)
    d[rng.random(d.shape) < 0.2] = np.nan
    row = {"data": [[None if np.isnan(v) else v for v in r] for r in d]}
    for scale in ["nominal", "ordinal", "interval"]:
        row[scale] = krippendorff.alpha(reliability_data=d, level_of_measurement=scale)
    out["alpha"].append(row)

for r, c in [(4, 4), (6, 3), (3, 7)]:
    w = np.round(rng.random((r, c)), 3) * (rng.random((r, c)) < 0.7)
    i, j = linear_sum_assignment(-w)
    out["assign"].append({"worth": w.tolist(), "sum": float(w[i, j].sum())})


def border(m):
    return m & ~binary_erosion(m)


for n in [12, 20]:
    a, b = rng.random((2, n, n)) < 0.3
    da, db = distance_transform_edt(~border(a)), distance_transform_edt(~border(b))
    ab, ba = db[border(a)], da[border(b)]
    out["masks"].append({
        "w": n, "a": "".join(map(str, a.astype(int).ravel())), "b": "".join(map(str, b.astype(int).ravel())),
        "dice": 2 * float((a & b).sum()) / float(a.sum() + b.sum()), "iou": float((a & b).sum()) / float((a | b).sum()),
        "hd": max(ab.max(), ba.max()), "hd95": max(np.percentile(ab, 95), np.percentile(ba, 95)),
        "pooled": np.percentile(np.concatenate([ab, ba]), 95), "mean": np.concatenate([ab, ba]).mean()})

for readers, n in [(3, 16), (4, 20)]:
    y, x = np.mgrid[:n, :n]
    truth = (x - n / 2) ** 2 + (y - n / 2) ** 2 < (n / 3) ** 2
    masks = [np.where(rng.random((n, n)) < 0.15, ~truth, truth).astype(np.uint8) for _ in range(readers)]
    f = sitk.STAPLEImageFilter()
    f.SetForegroundValue(1)
    w = sitk.GetArrayFromImage(f.Execute([sitk.GetImageFromArray(m) for m in masks]))
    out["staple"].append({"w": n, "masks": ["".join(map(str, m.ravel())) for m in masks], "sensitivity": list(f.GetSensitivity()),
                          "specificity": list(f.GetSpecificity()), "sum": float(w.sum()), "squares": float((w ** 2).sum())})

for k in [5, 9]:
    def blob(cx, cy):
        t = np.sort(rng.random(k)) * 2 * np.pi
        r = 20 + 10 * rng.random(k)
        return np.round(np.c_[cx + r * np.cos(t), cy + r * np.sin(t)], 2)
    p, q = blob(50, 50), blob(58, 47)
    P, Q = shapely.Polygon(p), shapely.Polygon(q)
    assert P.is_valid and Q.is_valid
    out["polygons"].append({"p": p.tolist(), "q": q.tolist(), "iou": P.intersection(Q).area / P.union(Q).area,
                            "dice": 2 * P.intersection(Q).area / (P.area + Q.area),
                            "hausdorff": shapely.hausdorff_distance(P.boundary, Q.boundary)})

v = np.round(rng.normal(size=17), 4)
out["quantile"] = {"values": v.tolist(), "q": [0.025, 0.5, 0.9, 0.975], "at": np.quantile(v, [0.025, 0.5, 0.9, 0.975]).tolist()}
json.dump(out, sys.stdout, separators=(",", ":"))
print()
