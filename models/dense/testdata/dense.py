"""Computes what PyTorch, scikit-image and StarDist make of a tiny U-Net, of a
field and of star-convex candidates, for dense's tests.

    python dense.py > references.json

Needs torch, scikit-image and stardist. Every number follows from a name
(SplitMix64, see models/tower/testdata/references.py).
"""
import glob, importlib.util, json, math, os, sys
import numpy as np, torch, torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tower', 'testdata'))
from references import draw, fnv
from skimage.measure import find_contours

torch.set_grad_enabled(False)


def stardist2d():
    """StarDist's compiled part alone: the rest of it wants TensorFlow's friends."""
    home = os.path.dirname(importlib.util.find_spec('stardist').origin)
    spec = importlib.util.spec_from_file_location('stardist2d', glob.glob(os.path.join(home, 'lib', 'stardist2d*.so'))[0])
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    return m


W, H, BLOCK = 190, 150, 5


def weight(name, *shape):
    n = int(np.prod(shape))
    s = 1.8 / math.sqrt(n / shape[0]) if len(shape) > 1 else 0.3
    return torch.from_numpy((s * draw(fnv(name), n)).astype(np.float32).reshape(shape))


def unet(x):
    def conv(x, name, cin, cout, k=3):
        return F.conv2d(x, weight(name + '.weight', cout, cin, k, k), weight(name + '.bias', cout), padding=k // 2)
    a = F.relu(conv(x, 'in', 3, 8))
    b = F.relu(conv(F.max_pool2d(a, 2), 'mid', 8, 12))
    c = F.relu(conv(F.max_pool2d(b, 2), 'deep', 12, 12))
    u = F.conv_transpose2d(c, weight('up.weight', 12, 12, 2, 2), weight('up.bias', 12), stride=2)
    d = F.relu(conv(torch.cat([u, b], 1), 'join', 24, 8))
    v = F.interpolate(d, scale_factor=2, mode='nearest')
    return conv(torch.cat([v, a], 1), 'out', 16, 3, 1)


def picture():
    bw, bh = W // BLOCK, H // BLOCK
    b = np.floor((draw(fnv('slide'), bw * bh * 3) + 1) * 128).clip(0, 255).reshape(bh, bw, 3)
    return np.repeat(np.repeat(b, BLOCK, 0), BLOCK, 1)


def area(c):
    y, x = c[:, 0], c[:, 1]
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2)


def outlines(f):
    """Areas of the lines around where f is above zero; beyond the border it is what it mirrors, below zero."""
    p = -np.abs(np.pad(f, 1, mode='edge'))
    p[1:-1, 1:-1] = f
    return sorted(round(area(c), 5) for c in find_contours(p, 0.0, fully_connected='low'))


def main():
    out = {}
    m = 64
    x = np.full((H + 2 * m, W + 2 * m, 3), 255.0)
    x[m:-m, m:-m] = picture()
    h, w = -(-x.shape[0] // 4) * 4, -(-x.shape[1] // 4) * 4
    x = np.pad(x, ((0, h - x.shape[0]), (0, w - x.shape[1]), (0, 0)), constant_values=255)
    t = (torch.from_numpy(x.astype(np.float32)).permute(2, 0, 1)[None] / 255 - 0.5) / 0.25
    p = F.softmax(unet(t).double(), 1)[0].numpy()[:, m:m + H, m:m + W]
    top = p.argmax(0)
    s = np.sort(p, 0)
    margin = s[-1] - s[-2]
    out['counts'] = [int((top == k).sum()) for k in range(3)]
    out['mean'] = [float('%.6g' % p[k][top == k].mean()) for k in range(3)]
    out['areas'] = {str(k): [a for a in outlines(np.where(top == k, margin, -margin)) if a >= 4] for k in (1, 2)}
    g = draw(fnv('field'), 40 * 30).reshape(30, 40)
    out['field'] = outlines(g)
    n, rays = 160, 32
    q = (draw(fnv('stars'), n * 3) + 1) / 2
    centre = np.floor(q[:2 * n].reshape(n, 2) * 100)  # y, x
    r = 4 + 8 * q[2 * n:]
    d = (r[:, None] * (1 + 0.25 * draw(fnv('rays'), n * rays).reshape(n, rays))).astype(np.float32)
    score = np.linspace(0.99, 0.5, n).astype(np.float32)
    nms = stardist2d().c_non_max_suppression_inds
    out['stars'] = {str(v): np.nonzero(nms(d, np.ascontiguousarray(centre.astype(np.float32)), 1, 1, 0, np.float32(v)))[0].tolist() for v in (0.1, 0.4, 0.7)}
    print(json.dumps(out))


if __name__ == '__main__':
    main()
