"""Computes what PyTorch's libraries make of tiny models, for tower's tests.

    python references.py OUT                   writes OUT/NAME.json, one a model
    python references.py OUT --folders DIR     and DIR/NAME/, as a user has it
    python references.py OUT --only a,b        some of them

Needs torch, transformers, timm, open_clip_torch and safetensors. Every weight
follows from its name (SplitMix64), so that only names, shapes and results are
kept and the tests make the same weights without Python.
"""
import json, math, os, sys, types
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)
torch.set_grad_enabled(False)
M = (1 << 64) - 1


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


def spread(name, shape):
    """Base and spread of a weight: so that signals neither die nor explode."""
    if len(shape) == 0:
        return 2.6, 0.0
    if 'gamma' in name or 'lambda' in name or '.ls1.' in name or '.ls2.' in name:
        return 0.5, 0.3
    if len(shape) == 1:
        norm = any(k in name for k in ('norm', 'ln_', '.ln', 'LayerNorm', 'layrnorm'))
        return (1.0, 0.3) if norm and name.endswith('weight') else (0.0, 0.3)
    if any(k in name for k in ('pos', 'token', 'embed', 'query')) and 'proj' not in name and 'patch' not in name and '.attention.' not in name and '.self.' not in name:
        return 0.0, 0.8
    return 0.0, 1.8 / math.sqrt(np.prod(shape[1:]))


def fill(model):
    """Gives every weight its numbers; returns [name, shape, base, spread]."""
    rows, state = [], model.state_dict()
    for name, t in state.items():
        if not t.is_floating_point() or name.endswith('attn_mask'):
            continue
        b, s = spread(name, list(t.shape))
        v = (b + s * draw(fnv(name), t.numel())).astype(np.float32).reshape(t.shape)
        t.copy_(torch.from_numpy(v))
        rows.append([name, list(t.shape), b, s])
    return rows


def pixels(n, size):
    return torch.from_numpy((1.5 * draw(fnv('pixels'), n * 3 * size * size)).astype(np.float32).reshape(n, 3, size, size))


def ids(n, length, vocab, pad, start, end):
    """Texts of growing length between start and end, filled up with pad."""
    out = np.full((n, length), pad, dtype=np.int64)
    for i in range(n):
        words = 3 + 5 * i
        if i == n - 1:
            words = length - 2  # one that fills it
        words = min(words, length - 2)
        u = (draw(fnv('text%d' % i), words) + 1) / 2
        out[i, 0] = start
        out[i, 1:1 + words] = 3 + (u * (vocab - 6)).astype(np.int64)
        out[i, 1 + words] = end
    return torch.from_numpy(out)


def rounded(t):
    return [[float('%.7g' % x) for x in row] for row in t.double().tolist()]


CASES = {}


def case(f):
    CASES[f.__name__] = f
    return f


def timm_vit(arch, args, image=56, pool='token', extra=None):
    import timm
    m = timm.create_model(arch, num_classes=0, img_size=image, **args).eval()
    cfg = {'architecture': arch, 'num_classes': 0, 'global_pool': pool,
           'model_args': {k: v for k, v in args.items() if isinstance(v, (int, float, bool, str)) and k != 'global_pool'},
           'pretrained_cfg': {'input_size': [3, image, image], 'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225],
                              'interpolation': 'bicubic', 'crop_pct': 1.0, 'crop_mode': 'center'}}
    if extra:
        cfg['pretrained_cfg'].update(extra)
    w = fill(m)
    return dict(config={'config.json': cfg}, weights=w, model=m, vision=lambda x: m(x), image=image)


@case
def uni():
    return timm_vit('vit_large_patch16_224', dict(depth=2, embed_dim=64, num_heads=4, init_values=1e-5, dynamic_img_size=True), image=64, extra={'interpolation': 'bilinear'})


@case
def uni2():
    import timm
    return timm_vit('vit_giant_patch14_224', dict(patch_size=14, depth=2, num_heads=4, init_values=1e-5, embed_dim=64, mlp_ratio=5.25,
                    no_embed_class=True, mlp_layer=timm.layers.SwiGLUPacked, act_layer=nn.SiLU, reg_tokens=8, dynamic_img_size=True))


@case
def virchow():  # class token and mean of the patches
    import timm
    r = timm_vit('vit_huge_patch14_224', dict(depth=2, embed_dim=64, num_heads=4, init_values=1e-5, mlp_ratio=5.375, global_pool='',
                 mlp_layer=timm.layers.SwiGLUPacked, act_layer=nn.SiLU, dynamic_img_size=True), pool='')
    m = r['model']
    r['vision'] = lambda x: (lambda t: torch.cat([t[:, 0], t[:, 1:].mean(1)], -1))(m(x))
    r['pool'] = 'first+mean'
    return r


@case
def virchow2():
    import timm
    r = timm_vit('vit_huge_patch14_224', dict(depth=2, embed_dim=64, num_heads=4, init_values=1e-5, mlp_ratio=5.375, global_pool='', reg_tokens=4,
                 mlp_layer=timm.layers.SwiGLUPacked, act_layer=nn.SiLU, dynamic_img_size=True), pool='')
    m = r['model']
    r['vision'] = lambda x: (lambda t: torch.cat([t[:, 0], t[:, 5:].mean(1)], -1))(m(x))
    r['pool'] = 'first+mean'
    return r


@case
def hoptimus():
    return timm_vit('vit_giant_patch14_reg4_dinov2', dict(depth=2, embed_dim=96, num_heads=4, init_values=1e-5, dynamic_img_size=False))


@case
def gigapath():
    return timm_vit('vit_giant_patch14_dinov2', dict(patch_size=16, depth=2, embed_dim=96, num_heads=4, init_values=1e-5), image=64)


@case
def kaiko():
    return timm_vit('vit_small_patch8_224', dict(depth=2, embed_dim=48, num_heads=3, dynamic_img_size=True), image=32, extra={'mean': [0.5] * 3, 'std': [0.5] * 3})


@case
def timm_avg():
    return timm_vit('vit_base_patch16_224', dict(depth=1, embed_dim=48, num_heads=4, global_pool='avg', class_token=False, no_embed_class=True), image=48, pool='avg')


def other_size(r, image):
    """The same weights for another size of image: the table of places is resized."""
    r['image'] = image
    return r


@case
def timm_resized():
    r = timm_vit('vit_small_patch16_224', dict(depth=1, embed_dim=48, num_heads=4, dynamic_img_size=True), image=112)
    return other_size(r, 64)


@case
def phikon():
    from transformers import ViTConfig, ViTModel
    c = ViTConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=64, patch_size=16)
    m = ViTModel(c, add_pooling_layer=False).eval()
    w = fill(m)
    return dict(config={'config.json': c.to_dict()}, weights=w, model=m, vision=lambda x: m(x).last_hidden_state[:, 0], image=64)


def dino(cls, cfg, image, **more):
    c = cfg(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, patch_size=14, **more)
    m = cls(c).eval()
    w = fill(m)
    return dict(config={'config.json': c.to_dict()}, weights=w, model=m, vision=lambda x: m(x).pooler_output, image=image)


@case
def phikon2():
    from transformers import Dinov2Config, Dinov2Model
    return dino(Dinov2Model, Dinov2Config, 56, image_size=56, mlp_ratio=2)


@case
def midnight():  # resized table, SwiGLU, class token and mean
    from transformers import Dinov2Config, Dinov2Model
    r = dino(Dinov2Model, Dinov2Config, 56, image_size=98, mlp_ratio=4, use_swiglu_ffn=True)
    m = r['model']
    r['vision'] = lambda x: (lambda t: torch.cat([t[:, 0], t[:, 1:].mean(1)], -1))(m(x).last_hidden_state)
    r['pool'] = 'first+mean'
    return r


@case
def hibou():
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel
    return dino(Dinov2WithRegistersModel, Dinov2WithRegistersConfig, 56, image_size=56, mlp_ratio=2, num_register_tokens=4)


@case
def hibou_resized():
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel
    return dino(Dinov2WithRegistersModel, Dinov2WithRegistersConfig, 56, image_size=98, mlp_ratio=2, num_register_tokens=4)


@case
def plip():
    from transformers import CLIPConfig, CLIPModel
    c = CLIPConfig(text_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=120, max_position_embeddings=24,
                                    bos_token_id=118, eos_token_id=119, pad_token_id=119),
                   vision_config=dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=64, patch_size=16),
                   projection_dim=40)
    m = CLIPModel(c).eval()
    w = fill(m)
    d = c.to_dict()
    return dict(config={'config.json': d}, weights=w, model=m, vision=lambda x: m.get_image_features(pixel_values=x), image=64,
                ids=ids(3, 24, 118, 119, 118, 119), text=lambda i: m.get_text_features(input_ids=i))


@case
def bert():
    from transformers import BertConfig, BertModel
    c = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=120, max_position_embeddings=32, pad_token_id=0)
    m = BertModel(c).eval()
    w = fill(m)
    return dict(config={'config.json': c.to_dict()}, weights=w, model=m, ids=ids(3, 20, 120, 0, 1, 2),
                text=lambda i: m(input_ids=i, attention_mask=(i != 0).long()).pooler_output, pad=0)


def open_clip_model(cfg):
    import open_clip
    from open_clip.model import CLIP, CustomTextCLIP
    from open_clip.coca_model import CoCa
    if 'multimodal_cfg' in cfg:
        cls, cfg = CoCa, dict(cfg)
    else:
        cls = CustomTextCLIP if cfg.get('custom_text') else CLIP
    args = {k: v for k, v in cfg.items() if k not in ('custom_text',)}
    return cls(**args).eval()


def open_clip_case(cfg, length, pad=0, start=118, end=119):
    m = open_clip_model(cfg)
    w = fill(m)
    full = {'model_cfg': cfg, 'preprocess_cfg': {'mean': [0.48145466, 0.4578275, 0.40821073], 'std': [0.26862954, 0.26130258, 0.27577711]}}
    return dict(config={'open_clip_config.json': full}, weights=w, model=m, image=cfg['vision_cfg']['image_size'],
                vision=lambda x: m.encode_image(x, normalize=False) if hasattr(m, 'encode_image') else None,
                ids=ids(3, length, 118, pad, start, end), text=lambda i: m.encode_text(i, normalize=False))


@case
def quilt():
    return open_clip_case(dict(embed_dim=40, quick_gelu=True, vision_cfg=dict(image_size=64, layers=2, width=48, head_width=12, patch_size=16),
                               text_cfg=dict(context_length=24, vocab_size=120, width=32, heads=4, layers=2)), 24)


@case
def coca():
    return open_clip_case(dict(embed_dim=32, custom_text=True, vision_cfg=dict(image_size=64, layers=2, width=48, head_width=12, patch_size=16, attentional_pool=True, attn_pooler_heads=4, output_tokens=True, attn_pooler_queries=6),
                               text_cfg=dict(context_length=23, vocab_size=120, width=32, heads=4, layers=2, embed_cls=True, output_tokens=True),
                               multimodal_cfg=dict(context_length=24, vocab_size=120, width=32, heads=4, layers=1)), 23)


@case
def biomedclip():
    import timm
    from open_clip.hf_model import HFTextEncoder
    from transformers import BertConfig
    visual = nn.Module()
    visual.trunk = timm.create_model('vit_base_patch16_224', num_classes=0, img_size=64, depth=2, embed_dim=48, num_heads=4)
    visual.head = nn.Sequential(); visual.head.proj = nn.Linear(48, 40, bias=False)
    tc = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=120, max_position_embeddings=32)
    m = nn.Module()
    m.visual, m.text = visual, HFTextEncoder('', 40, config=tc, pooler_type='cls_last_hidden_state_pooler', proj_type='mlp')
    m.logit_scale = nn.Parameter(torch.ones([]))
    m.eval()
    w = [r for r in fill(m)]
    cfg = {'model_cfg': {'embed_dim': 40, 'vision_cfg': {'timm_model_name': 'vit_base_patch16_224', 'timm_model_pretrained': False, 'timm_pool': '', 'timm_proj': 'linear', 'image_size': 64, 'num_heads': 4},
                         'text_cfg': {'hf_model_name': 'microsoft/BiomedNLP-BiomedBERT', 'hf_proj_type': 'mlp', 'hf_pooler_type': 'cls_last_hidden_state_pooler', 'context_length': 24, 'hf_config': {'num_attention_heads': 4}}},
           'preprocess_cfg': {'mean': [0.48145466, 0.4578275, 0.40821073], 'std': [0.26862954, 0.26130258, 0.27577711]}}
    return dict(config={'open_clip_config.json': cfg}, weights=w, model=m, image=64, vision=lambda x: visual.head.proj(visual.trunk(x)),
                ids=ids(3, 20, 120, 0, 1, 2), text=lambda i: m.text(i), pad=0)


class Pooler(nn.Module):  # CONCH's layout: learned questions over normalised tokens
    def __init__(self, dim, context, heads, questions):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(questions, dim))
        self.attn = nn.MultiheadAttention(dim, heads, kdim=context, vdim=context, batch_first=True)
        self.ln_q, self.ln_k = nn.LayerNorm(dim), nn.LayerNorm(context)

    def forward(self, x):
        x = self.ln_k(x)
        return self.attn(self.ln_q(self.query).unsqueeze(0).expand(len(x), -1, -1), x, x, need_weights=False)[0]


@case
def conch():
    import timm
    from open_clip.transformer import TextTransformer
    m, v = nn.Module(), nn.Module()
    v.trunk = timm.models.vision_transformer.VisionTransformer(embed_dim=48, depth=2, num_heads=4, img_size=64, patch_size=16, num_classes=0, dynamic_img_size=True)
    v.attn_pool_contrast, v.ln_contrast = Pooler(32, 48, 4, 1), nn.LayerNorm(32)
    v.proj_contrast = nn.Parameter(torch.zeros(32, 32))
    v.attn_pool_caption, v.ln_caption = Pooler(48, 48, 4, 5), nn.LayerNorm(48)
    m.visual = v
    m.text = TextTransformer(context_length=23, vocab_size=120, width=32, heads=4, layers=2, output_dim=32, embed_cls=True, pad_id=0)
    m.logit_scale = nn.Parameter(torch.ones([]))
    m.eval()
    w = fill(m)
    cfg = {'embed_dim': 32, 'vision_cfg': {'image_size': 64, 'patch_size': 16, 'num_heads': 4, 'attentional_pool_contrast': True, 'attn_pooler_heads': 4},
           'text_cfg': {'context_length': 24, 'vocab_size': 120, 'width': 32, 'heads': 4, 'layers': 2, 'embed_cls': True}, 'custom_text': True}
    return dict(config={'config.json': cfg}, weights=w, model=m, image=64,
                vision=lambda x: v.ln_contrast(v.attn_pool_contrast(v.trunk.forward_features(x))[:, 0]) @ v.proj_contrast,
                ids=ids(3, 23, 118, 0, 118, 119), text=lambda i: m.text(i))


@case
def keep():
    import timm
    from transformers import BertConfig, BertModel
    m = nn.Module()
    m.visual = timm.create_model('vit_large_patch16_224', img_size=64, depth=2, embed_dim=48, num_heads=4, init_values=1e-5, num_classes=0, dynamic_img_size=True)
    m.visual_head = nn.Sequential(nn.Linear(48, 40), nn.GELU(), nn.Linear(40, 40))
    tc = BertConfig(hidden_size=40, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=120, max_position_embeddings=32)
    m.text, m.logit_scale = BertModel(tc), nn.Parameter(torch.ones([]))
    m.eval()
    w = fill(m)
    cfg = {'model_type': 'keep', 'projection_dim': 40, 'vision_config': {'img_size': 64, 'patch_size': 16, 'num_heads': 4}, 'text_config': tc.to_dict()}
    return dict(config={'config.json': cfg}, weights=w, model=m, image=64, vision=lambda x: m.visual_head(m.visual(x)),
                ids=ids(3, 20, 120, 0, 1, 2), text=lambda i: m.text(input_ids=i, attention_mask=(i != 0).long()).pooler_output, pad=0)


def slim(d):
    """Settings without what no reader looks at."""
    keep = ('model_type', 'architectures', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'image_size', 'patch_size',
            'layer_norm_eps', 'hidden_act', 'use_swiglu_ffn', 'num_register_tokens', 'max_position_embeddings', 'vocab_size', 'eos_token_id', 'bos_token_id', 'pad_token_id', 'projection_dim',
            'qkv_bias', 'mlp_ratio')
    return {k: (slim(v) if isinstance(v, dict) else v) for k, v in d.items() if k in keep or isinstance(v, dict) and k.endswith('_config')}


def compute(name):
    r = CASES[name]()
    out = {'config': {k: (slim(v) if 'hidden_size' in v or 'text_config' in v and name == 'plip' else v) for k, v in r['config'].items()},
           'weights': r['weights']}
    for k in ('pool', 'image', 'pad'):
        if k in r:
            out[k] = r[k]
    if 'vision' in r:
        out['vision'] = rounded(r['vision'](pixels(2, r['image'])))
    if 'text' in r:
        out['ids'], out['text'] = r['ids'].tolist(), rounded(r['text'](r['ids']))
    return r, out


def write(name, out, path):
    with open(path, 'w') as f:
        f.write('{\n' + ',\n'.join(' %s: %s' % (json.dumps(k), json.dumps(v, separators=(',', ':'))) for k, v in out.items()) + '\n}\n')


def main(argv):
    out, names = argv[0], list(CASES)
    folders = argv[argv.index('--folders') + 1] if '--folders' in argv else None
    if '--only' in argv:
        names = argv[argv.index('--only') + 1].split(',')
    os.makedirs(out, exist_ok=True)
    for name in names:
        r, o = compute(name)
        write(name, o, os.path.join(out, name + '.json'))
        if folders:
            from safetensors.torch import save_file
            d = os.path.join(folders, name)
            os.makedirs(d, exist_ok=True)
            state = {k: v.clone().contiguous() for k, v in r['model'].state_dict().items()}
            save_file(state, os.path.join(d, 'model.safetensors'))
            os.makedirs(d + '-bin', exist_ok=True)
            torch.save(r['model'].state_dict(), os.path.join(d + '-bin', 'pytorch_model.bin'))
            for f, c in o['config'].items():
                for dd in (d, d + '-bin'):
                    json.dump(c, open(os.path.join(dd, f), 'w'))


if __name__ == '__main__':
    main(sys.argv[1:])
