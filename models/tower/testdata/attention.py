"""Computes the attention of tiny models by transformers, for tower's tests.

    python attention.py OUT.json

Needs torch and transformers; the weights are those of references.py. Rollout is
computed here from what transformers gives as attentions: the mean of the heads,
half and half with the identity, multiplied layer by layer.
"""
import json, os, sys
import numpy as np, torch
from transformers import CLIPModel, CLIPConfig, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTConfig, ViTModel

torch.set_grad_enabled(False)
M = (1 << 64) - 1
here = os.path.dirname(os.path.abspath(__file__))


def fnv(s):
    h = 0xcbf29ce484222325
    for b in s.encode():
        h = ((h ^ b) * 0x100000001b3) & M
    return h


def draw(seed, n):
    with np.errstate(over='ignore'):
        z = np.uint64(seed) + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 52) - 1


def load(name, build):
    r = json.load(open(os.path.join(here, 'references', name + '.json')))
    c = r['config']['config.json']
    m = build(c).eval()
    state = {}
    for n, shape, b, s in r['weights']:
        state[n] = torch.from_numpy((b + s * draw(fnv(n), int(np.prod(shape)) if shape else 1)).astype(np.float32).reshape(shape))
    missing, _ = m.load_state_dict(state, strict=False)
    assert not [k for k in missing if 'position_ids' not in k], missing
    return m, r['image']


def eager(c):
    for part in (c, getattr(c, 'vision_config', c), getattr(c, 'text_config', c)):
        part._attn_implementation = 'eager'  # the others do not give their attention
    return c


out = {}
for name, build, extra in [
        ('phikon', lambda c: ViTModel(eager(ViTConfig(**c)), add_pooling_layer=False), 1),
        ('hibou', lambda c: Dinov2WithRegistersModel(eager(Dinov2WithRegistersConfig(**c))), 5),
        ('plip', lambda c: CLIPModel(eager(CLIPConfig(**c))), 1)]:
    m, size = load(name, build)
    x = torch.from_numpy((1.5 * draw(fnv('pixels'), 3 * size * size)).astype(np.float32).reshape(1, 3, size, size))
    inner = m.vision_model if name == 'plip' else m
    maps = [a.mean(1)[0] for a in inner(x, output_attentions=True).attentions]
    flow = torch.eye(maps[0].shape[0])
    for a in maps:
        flow = (0.5 * a + 0.5 * torch.eye(a.shape[0])) @ flow
    out[name] = {'image': size, 'rollout': [float(v) for v in flow[0, extra:]], 'last': [float(v) for v in maps[-1][0, extra:]]}
json.dump(out, open(sys.argv[1], 'w'))
