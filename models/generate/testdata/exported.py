"""Exports tiny models as people do and prints what transformers' generate
makes of them, for generate's test of exported folders.

    python exported.py OUT [NAME ...]   writes OUT/NAME/ and prints {NAME: [run, ...]}

Needs torch, transformers and onnx; with optimum-onnx also Optimum's own export,
and with open_clip_torch a CoCa.
"""
import json, os, sys
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from texts import fill, picture, vit_gpt2, blip

torch.set_grad_enabled(False)
RUNS = [dict(num_beams=1, max_length=14, min_length=8), dict(num_beams=3, max_length=14, no_repeat_ngram_size=2)]


def save(out, name, config, generation, size):
    d = os.path.join(out, name)
    os.makedirs(d, exist_ok=True)
    json.dump(config, open(os.path.join(d, 'config.json'), 'w'))
    json.dump(generation, open(os.path.join(d, 'generation_config.json'), 'w'))
    json.dump(dict(do_resize=True, size=dict(height=size, width=size), resample=3, do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
                   image_mean=[0.5] * 3, image_std=[0.5] * 3), open(os.path.join(d, 'preprocessor_config.json'), 'w'))
    return d


def words(d, n, special):
    vocab = ['[PAD]'] + ['w%d' % i for i in range(1, n)]
    for i, s in special.items():
        vocab[i] = s
    open(os.path.join(d, 'vocab.txt'), 'w').write('\n'.join(vocab) + '\n')


def full(size, fill_value, **more):
    if isinstance(fill_value, bool):
        return torch.ones(size, dtype=torch.bool) if fill_value else torch.zeros(size, dtype=torch.bool)
    return torch.zeros(size, **more) + fill_value


def export(m, args, path, inputs, outputs, axes):
    torch.backends.mha.set_fastpath_enabled(False)
    torch.full = full  # the exporter does not know it for truth values
    torch.onnx.export(m, args, path, input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False)


def optimum(out):
    from optimum.exporters.onnx import onnx_export_from_model
    m, size, start = vit_gpt2()
    fill(m)
    gen = dict(start, eos_token_id=2)
    for k, v in gen.items():
        setattr(m.generation_config, k, v)
    m.config.decoder_start_token_id, m.config.pad_token_id = 1, 0
    d = save(out, 'optimum', {}, gen, size)
    keep = {f: open(os.path.join(d, f)).read() for f in ('preprocessor_config.json', 'generation_config.json')}
    onnx_export_from_model(m, d, task='image-to-text-with-past', do_validation=False)
    for f, text in keep.items():
        open(os.path.join(d, f), 'w').write(text)
    words(d, 160, {1: '[CLS]', 2: '[SEP]', 3: '[UNK]'})
    runs = [dict(options=o, tokens=m.generate(picture(i, size), do_sample=False, **gen, **o)[0].tolist(), picture=i) for i in range(2) for o in RUNS]
    return runs


def git(out):
    from transformers import GitForCausalLM, GitConfig
    c = GitConfig(vision_config=dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=16, projection_dim=16),
                  vocab_size=110, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=40, bos_token_id=101, eos_token_id=102, pad_token_id=0)
    m = GitForCausalLM(c).eval()
    fill(m)
    gen = dict(bos_token_id=101, eos_token_id=102, pad_token_id=0)
    d = save(out, 'git', dict(model_type='git', vision_config=dict(image_size=32)), gen, 32)

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.m = m
        def forward(self, input_ids, attention_mask, pixel_values):
            return self.m(input_ids=input_ids, attention_mask=attention_mask, pixel_values=pixel_values, use_cache=False).logits
    ids = torch.tensor([[101, 5, 6] + [0] * 17] * 2)  # its masks are exported for one length only
    export(Whole(), (ids, (ids != 0).long(), picture(0, 32).repeat(2, 1, 1, 1)), os.path.join(d, 'model.onnx'), ['input_ids', 'attention_mask', 'pixel_values'], ['logits'],
           {'input_ids': {0: 'n'}, 'attention_mask': {0: 'n'}, 'pixel_values': {0: 'n'}, 'logits': {0: 'n'}})
    words(d, 110, {101: '[CLS]', 102: '[SEP]', 3: '[UNK]'})
    return [dict(options=o, tokens=m.generate(pixel_values=picture(i, 32), input_ids=torch.tensor([[101]]), do_sample=False, **gen, **o)[0].tolist(), picture=i) for i in range(2) for o in RUNS]


def blip_apart(out):
    m, size, _ = blip()
    fill(m)
    gen = dict(bos_token_id=7, eos_token_id=9, pad_token_id=0)
    d = save(out, 'blip_apart', dict(model_type='blip', vision_config=dict(image_size=size)), gen, size)

    class Sees(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.m = m.vision_model
        def forward(self, pixel_values):
            return self.m(pixel_values=pixel_values)[0]

    class Writes(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.m = m.text_decoder
        def forward(self, input_ids, attention_mask, encoder_hidden_states, encoder_attention_mask):
            return self.m(input_ids=input_ids, attention_mask=attention_mask, encoder_hidden_states=encoder_hidden_states,
                          encoder_attention_mask=encoder_attention_mask, use_cache=False, is_decoder=True).logits
    x = picture(0, size)
    seen = m.vision_model(pixel_values=x)[0].repeat(2, 1, 1)
    export(Sees(), (x,), os.path.join(d, 'encoder_model.onnx'), ['pixel_values'], ['last_hidden_state'], {'pixel_values': {0: 'n'}, 'last_hidden_state': {0: 'n'}})
    ids = torch.tensor([[7, 5, 6]] * 2)
    export(Writes(), (ids, torch.ones_like(ids), seen, torch.ones(seen.shape[:2], dtype=torch.long)), os.path.join(d, 'decoder_model.onnx'),
           ['input_ids', 'attention_mask', 'encoder_hidden_states', 'encoder_attention_mask'], ['logits'],
           {'input_ids': {0: 'n', 1: 't'}, 'attention_mask': {0: 'n', 1: 't'}, 'encoder_hidden_states': {0: 'n', 1: 's'}, 'encoder_attention_mask': {0: 'n', 1: 's'}, 'logits': {0: 'n', 1: 't'}})
    words(d, 140, {7: '[CLS]', 9: '[SEP]', 3: '[UNK]'})
    return [dict(options=o, tokens=m.generate(pixel_values=picture(i, size), do_sample=False, **o)[0].tolist(), picture=i) for i in range(2) for o in RUNS]


def coca(out):
    import open_clip
    from open_clip.coca_model import CoCa
    m = CoCa(embed_dim=32, multimodal_cfg=dict(context_length=20, vocab_size=120, width=32, heads=4, layers=2, n_queries=6),
             text_cfg=dict(context_length=20, vocab_size=120, layers=2, heads=4, width=32, embed_cls=True, output_tokens=True),
             vision_cfg=dict(image_size=32, layers=2, width=48, head_width=12, patch_size=16, attentional_pool=True, attn_pooler_heads=4, output_tokens=True, attn_pooler_queries=6)).eval()
    fill(m)
    d = save(out, 'coca', dict(model_type='coca'), dict(bos_token_id=118, eos_token_id=119, pad_token_id=0), 32)

    class Sees(torch.nn.Module):
        def forward(self, pixel_values):
            return self.m._encode_image(pixel_values, normalize=True)[1]

    class Writes(torch.nn.Module):
        def forward(self, input_ids, encoder_hidden_states):
            return self.m.text_decoder(encoder_hidden_states, self.m._encode_text(input_ids, normalize=True)[1])
    s, w = Sees(), Writes()
    s.m = w.m = m
    x = picture(0, 32)
    seen = m._encode_image(x, normalize=True)[1]
    export(s, (x,), os.path.join(d, 'encoder_model.onnx'), ['pixel_values'], ['last_hidden_state'], {'pixel_values': {0: 'n'}, 'last_hidden_state': {0: 'n'}})
    ids = torch.tensor([[118, 5, 6] + [0] * 17] * 2)  # its attention is exported for one length only
    export(w, (ids, seen.repeat(2, 1, 1)), os.path.join(d, 'decoder_model.onnx'), ['input_ids', 'encoder_hidden_states'], ['logits'],
           {'input_ids': {0: 'n'}, 'encoder_hidden_states': {0: 'n'}, 'logits': {0: 'n'}})
    words(d, 120, {118: '[CLS]', 119: '[SEP]', 3: '[UNK]'})
    runs = []
    for i in range(2):  # the likeliest word each time, by the model's own forward
        text = [118]
        while len(text) < 14 and text[-1] != 119:
            logits = m.text_decoder(m._encode_image(picture(i, 32), normalize=True)[1], m._encode_text(torch.tensor([text]), normalize=True)[1])[0, -1]
            if len(text) < 8:
                logits[119] = -1e9
            text.append(int(logits.argmax()))
        runs.append(dict(options=RUNS[0], tokens=text, picture=i))
    return runs


def main(argv):
    out = {}
    for make in (optimum, git, blip_apart, coca):
        if argv[1:] and make.__name__ not in argv[1:]:
            continue
        try:
            out[make.__name__] = make(argv[0])
        except Exception as e:  # an exporter that cannot; the others are worth a test
            print(make.__name__, type(e).__name__, str(e)[:400], file=sys.stderr)
    print(json.dumps(out))


if __name__ == '__main__':
    main(sys.argv[1:])
