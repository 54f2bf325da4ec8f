"""Makes separated.json: colours and what scikit-image separates them into.

Run with scikit-image: python make.py > separated.json
"""
import json, sys
import numpy as np, skimage
from skimage.color import separate_stains, combine_stains, hed_from_rgb, rgb_from_hed, bex_from_rgb, hdx_from_rgb, rgb_from_hdx

rng = np.random.default_rng(7)
rgb = rng.integers(0, 256, size=(60, 3), dtype=np.uint8)
rgb[:4] = [[255, 255, 255], [0, 0, 0], [255, 0, 0], [120, 60, 150]]
picture = rgb.reshape(1, -1, 3)
hed = separate_stains(picture, hed_from_rgb)
hdx = separate_stains(picture, hdx_from_rgb)
single = []
for i in range(3):
    alone = np.zeros_like(hed)
    alone[..., i] = hed[..., i]
    single.append(combine_stains(alone, rgb_from_hed)[0].tolist())
json.dump({"skimage": skimage.__version__, "rgb": rgb.tolist(), "hed": hed[0].tolist(), "hdx": hdx[0].tolist(),
           "rgb_from_hdx": np.asarray(rgb_from_hdx).tolist(), "single": single}, sys.stdout)
