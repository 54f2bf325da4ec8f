"""Computes what transformers' generate makes of tiny models, for generate's tests.

    python texts.py OUT                  writes OUT/NAME.json, one a model

Needs torch and transformers. Every weight follows from its name (SplitMix64,
see models/tower/testdata/references.py), so that only names, shapes and tokens
are kept and the tests make the same weights without Python.
"""
import json, os, sys
import numpy as np, torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tower', 'testdata'))
from references import draw, fnv, spread

torch.manual_seed(0)
torch.set_grad_enabled(False)


def fill(model):
    """Gives every weight its numbers, those used twice once."""
    rows, seen = [], set()
    for name, t in model.state_dict().items():
        if not t.is_floating_point() or t.data_ptr() in seen or name.endswith('.attn.bias') and t.dim() == 4:
            continue
        seen.add(t.data_ptr())
        b, s = spread(name, list(t.shape))
        if name.endswith(('wte.weight', 'word_embeddings.weight')):
            s = 1.0
        v = (b + s * draw(fnv(name), t.numel())).astype(np.float32).reshape(t.shape)
        t.copy_(torch.from_numpy(v))
        rows.append([name, list(t.shape), b, s])
    return rows


def picture(i, size):
    b = np.floor((draw(fnv('picture%d' % i), size * size * 3) + 1) * 128).clip(0, 255).astype(np.uint8).reshape(size, size, 3)
    return (torch.from_numpy(b.astype(np.float32)).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5


def vit_gpt2():
    from transformers import VisionEncoderDecoderModel, VisionEncoderDecoderConfig, ViTConfig, GPT2Config
    enc = ViTConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=32, patch_size=8)
    dec = GPT2Config(n_embd=40, n_layer=3, n_head=4, vocab_size=160, n_positions=48, add_cross_attention=True, bos_token_id=1, eos_token_id=2)
    m = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(enc, dec)).eval()
    return m, 32, dict(decoder_start_token_id=1, bos_token_id=1, pad_token_id=0)


def vit_bert():
    from transformers import VisionEncoderDecoderModel, VisionEncoderDecoderConfig, ViTConfig, BertConfig
    enc = ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=16)
    dec = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=120, max_position_embeddings=40, is_decoder=True, add_cross_attention=True)
    m = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(enc, dec)).eval()
    return m, 32, dict(decoder_start_token_id=5, pad_token_id=0)


def blip():
    from transformers import BlipForConditionalGeneration, BlipConfig, BlipTextConfig, BlipVisionConfig
    text = BlipTextConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, vocab_size=140, max_position_embeddings=40,
                          encoder_hidden_size=32, projection_dim=16, bos_token_id=7, sep_token_id=9, eos_token_id=2, pad_token_id=0, is_decoder=True)
    vis = BlipVisionConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=8)
    c = BlipConfig.from_text_vision_configs(text, vis)
    c.projection_dim = 16
    m = BlipForConditionalGeneration(c).eval()
    return m, 32, dict()


RUNS = [
    dict(num_beams=1, max_length=18),
    dict(num_beams=1, max_length=18, no_repeat_ngram_size=2),
    dict(num_beams=1, max_length=16, repetition_penalty=1.7, min_length=9),
    dict(num_beams=4, max_length=16),
    dict(num_beams=3, max_length=20, length_penalty=2.0, no_repeat_ngram_size=3),
    dict(num_beams=3, max_length=20, length_penalty=-1.0, early_stopping=True),
    dict(num_beams=2, max_length=14, early_stopping='never', length_penalty=0.5),
]


def compute(name, make):
    m, size, start = make()
    rows = fill(m)
    blip = name == 'blip'
    def run(i, **o):
        x = picture(i, size)
        if blip:
            # what BlipForConditionalGeneration.generate hands on, with an end of our own
            seen = m.vision_model(pixel_values=x)[0]
            return m.text_decoder.generate(input_ids=torch.tensor([[7]]), pad_token_id=0, encoder_hidden_states=seen,
                encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long), return_dict_in_generate=True, output_scores=True, do_sample=False, **o)
        return m.generate(x, return_dict_in_generate=True, output_scores=True, do_sample=False, **start, **o)
    # a word that is written after some steps ends texts, so that they end
    free = run(0, num_beams=1, max_length=12, eos_token_id=3).sequences[0].tolist()
    later = [t for t in free[5:] if t not in free[1:5] and t > 3] or [free[-1]]
    end = later[0]
    out = []
    for i in range(2):
        for o in RUNS:
            r = run(i, eos_token_id=end, **o)
            again = run(i, eos_token_id=end, use_cache=False, **o)
            t = r.sequences[0].tolist()
            assert t == again.sequences[0].tolist(), (name, i, o)
            while len(t) > 1 and t[-1] == 0:
                t.pop()
            out.append(dict(picture=i, options=o, tokens=t, score=float('%.7g' % r.sequences_scores[0]) if o['num_beams'] > 1 else None))
    config = m.config.to_dict()
    keep = ('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'image_size', 'patch_size', 'layer_norm_eps', 'hidden_act', 'n_head', 'layer_norm_epsilon', 'activation_function', 'model_type', 'vocab_size')
    slim = {k: ({a: b for a, b in v.items() if a in keep} if isinstance(v, dict) else v) for k, v in config.items() if k in ('encoder', 'decoder', 'vision_config', 'text_config', 'model_type')}
    slim['architectures'] = [type(m).__name__]
    return dict(config=slim, image=size, start=7 if blip else start['decoder_start_token_id'], end=end, weights=rows, runs=out)


def main(argv):
    for make in (vit_gpt2, vit_bert, blip):
        r = compute(make.__name__, make)
        with open(os.path.join(argv[0], make.__name__ + '.json'), 'w') as f:
            head = {k: v for k, v in r.items() if k not in ('weights', 'runs')}
            f.write('{' + json.dumps(head)[1:-1] + ',\n"weights": [\n' + ',\n'.join(json.dumps(w) for w in r['weights']) + '],\n"runs": [\n' + ',\n'.join(json.dumps(w) for w in r['runs']) + ']}\n')
        print(make.__name__, 'end', r['end'])
        for q in r['runs']:
            print('  ', q['tokens'], q['score'])


if __name__ == '__main__':
    main(sys.argv[1:])
