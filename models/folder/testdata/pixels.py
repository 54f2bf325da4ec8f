"""Computes embeddings of photographs as the makers' own libraries do it, from
the pixels on, for folder's tests.

    python pixels.py OUT

OUT/pixels.json gets the embeddings. The models are those of models/tower's
testdata/references.py, whose weights follow from their names. Needs torch, torchvision, transformers, timm, pillow.
"""
import importlib.util, json, os, sys
import numpy as np, torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('references', os.path.join(HERE, '..', '..', 'tower', 'testdata', 'references.py'))
R = importlib.util.module_from_spec(spec)
spec.loader.exec_module(R)


def photograph(seed, w, h):
    """Soft stains with noise: the same bytes as the test makes."""
    y, x = np.mgrid[0:h, 0:w]
    out = np.zeros((h, w, 3), np.uint8)
    noise = (R.draw(seed, w * h * 3) + 1).reshape(h, w, 3) * 24
    for c in range(3):
        wave = (x * (seed + 3 + 2 * c) + y * (5 + c)) % 251
        blob = ((x // (7 + c)) * 31 + (y // (9 - c)) * 17 * (seed + 1)) % 128
        out[:, :, c] = np.clip(wave // 2 + blob + noise[:, :, c].astype(np.int64), 0, 255)
    return Image.fromarray(out)


SIZES = [(96, 96), (131, 131), (256, 256)]


def preprocess(name, kind, image):
    """The library's own preprocessing with settings as such models have them."""
    if kind == 'transformers':
        from transformers import CLIPImageProcessor, ViTImageProcessor
        if name == 'plip':
            p = CLIPImageProcessor(size={'shortest_edge': image}, crop_size={'height': image, 'width': image})
        else:
            p = ViTImageProcessor(size={'height': image, 'width': image}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
        return json.loads(p.to_json_string()), lambda im: p(images=im, return_tensors='pt')['pixel_values']
    from timm.data import create_transform
    cfg = dict(input_size=(3, image, image), interpolation='bicubic', mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), crop_pct=0.875, crop_mode='center')
    t = create_transform(**cfg, is_training=False)
    return cfg, lambda im: t(im)[None]


def main(argv):
    out = {'sizes': SIZES, 'models': {}}
    for name, kind in (('plip', 'transformers'), ('phikon', 'transformers'), ('uni', 'timm')):
        r = R.CASES[name]()
        image = r['image']
        settings, prep = preprocess(name, kind, image)
        rows = [R.rounded(r['vision'](prep(photograph(i, w, h))))[0] for i, (w, h) in enumerate(SIZES)]
        out['models'][name] = {'kind': kind, 'settings': settings, 'rows': rows}
    with open(os.path.join(argv[0], 'pixels.json'), 'w') as f:
        json.dump(out, f, separators=(',', ':'))
        f.write('\n')


main(sys.argv[1:])
