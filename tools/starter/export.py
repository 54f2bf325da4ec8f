"""Writes a checkpoint as a model folder in the layout of Hugging Face's CLIPModel.

    python tools/starter/export.py --checkpoint run/cooled.pt --out assets/starter

Weights are stored as float16. With --check, transformers (where it is
installed) opens the folder and its embeddings are compared with the network's
own, and vectors of some patches and sentences are written to golden.json,
which the Go test compares with.
"""

import argparse
import hashlib
import json
import os
import shutil
import struct

import numpy as np
import torch

from network import MEAN, STD, Starter
from tokens import END, START, Tokenizer

LICENCE = "MIT"
HERE = os.path.dirname(os.path.abspath(__file__))


def safetensors(path, state, notes):
    """https://github.com/huggingface/safetensors, Format; tensors begin at
    multiples of 64 bytes as the header is padded and widths are even."""
    header, parts, at = {"__metadata__": {"format": "pt", **notes}}, [], 0
    for name in sorted(state):
        a = state[name].detach().cpu().numpy().astype(np.float16)
        b = a.tobytes()
        header[name] = {"dtype": "F16", "shape": list(a.shape), "data_offsets": [at, at + len(b)]}
        parts.append(b)
        at += len(b)
    h = json.dumps(header, separators=(",", ":")).encode()
    h += b" " * (-(8 + len(h)) % 64)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(parts))


def settings(c, vocabulary, end):
    side = {"hidden_act": "gelu", "layer_norm_eps": 1e-5, "projection_dim": c["dim"], "attention_dropout": 0.0}
    return {
        "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": c["dim"], "torch_dtype": "float16",
        "license": LICENCE,
        "coverslip": {"name": "Starter model, trained on generated tissue", "mpp": 1.0, "note": "not a diagnostic model"},
        "vision_config": {**side, "model_type": "clip_vision_model", "image_size": c["image"], "patch_size": c["patch"], "hidden_size": c["width"],
                          "intermediate_size": 4 * c["width"], "num_hidden_layers": c["depth"], "num_attention_heads": c["heads"], "num_channels": 3},
        "text_config": {**side, "model_type": "clip_text_model", "vocab_size": vocabulary, "max_position_embeddings": c["tokens"],
                        "hidden_size": c["text_width"], "intermediate_size": 4 * c["text_width"], "num_hidden_layers": c["text_depth"],
                        "num_attention_heads": c["text_heads"], "bos_token_id": end - 1, "eos_token_id": end, "pad_token_id": end},
    }


def preprocessor(c):
    n = c["image"]
    return {"image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"shortest_edge": n}, "resample": 3, "do_center_crop": True,
            "crop_size": {"height": n, "width": n}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
            "image_mean": MEAN, "image_std": STD, "do_convert_rgb": True}


def load(checkpoint, tokenizer):
    """The network of a checkpoint, with the weights as they will be stored."""
    s = torch.load(checkpoint, map_location="cpu", weights_only=False)
    t = Tokenizer(tokenizer)
    m = Starter(s["config"], len(t.vocab), t.end)
    m.load_state_dict({k: v.half().float() for k, v in s["model"].items()})
    return m.eval(), t, s


def texts_of(m, t, list_):
    ids = [t.encode(x, m.c["tokens"]) for x in list_]
    n = max(map(len, ids))
    return m.text(torch.tensor([i + [t.end] * (n - len(i)) for i in ids]))


def check(folder, m, t, n):
    """Golden vectors, and the comparison with transformers."""
    g = torch.Generator().manual_seed(3)
    # Patches a test draws again: stripes and discs by whole numbers.
    y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    pictures = torch.stack([torch.stack([(x * (3 + k) + y * (2 + c) + 40 * c * k) % 256 for c in range(3)]) for k in range(4)])
    sentences = ["Solid nests of tumour cells are separated by thin fibrous septa.", "An H&E image of stroma.", "Ki-67: few positive nuclei, a low proliferation index.",
                 "fat", "May-Grünwald-Giemsa smear with lymphocytes.", "tumour's edge, 3+ (10 µm)"]
    with torch.no_grad():
        p = (pictures.float() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        a, b = m.image(p)[0], texts_of(m, t, sentences)
    a, b = (torch.nn.functional.normalize(v, dim=-1) for v in (a, b))
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump({"side": n, "images": a.tolist(), "texts": dict(zip(sentences, b.tolist())), "ids": {s: t.encode(s, m.c["tokens"]) for s in sentences}}, f)
    try:
        from transformers import CLIPModel
    except ImportError:
        print("transformers is not installed; not compared with it")
        return
    clip = CLIPModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    ids = [t.encode(x, m.c["tokens"]) for x in sentences]
    longest = m.c["tokens"]
    with torch.no_grad():
        a2 = clip.get_image_features(pixel_values=p)
        b2 = clip.get_text_features(input_ids=torch.tensor([i + [t.end] * (longest - len(i)) for i in ids]))
    for what, u, v in (("images", a, a2), ("texts", b, b2)):
        print(what, "least cosine with transformers", float((u * torch.nn.functional.normalize(v, dim=-1)).sum(-1).min()))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--tokenizer", default=os.path.join(HERE, "tokenizer"))
    p.add_argument("--check", action="store_true")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    m, t, s = load(a.checkpoint, a.tokenizer)
    safetensors(os.path.join(a.out, "model.safetensors"), m.state_dict(), {"steps": str(s["step"]), "patches": str(s["fed"])})
    write = lambda name, v: open(os.path.join(a.out, name), "w").write(json.dumps(v, indent=1) + "\n")
    write("config.json", settings(s["config"], len(t.vocab), t.end))
    write("preprocessor_config.json", preprocessor(s["config"]))
    write("tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": s["config"]["tokens"], "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END})
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(os.path.join(a.tokenizer, name), os.path.join(a.out, name))
    if a.check:
        check(a.out, m, t, s["config"]["image"])
    with open(os.path.join(a.out, "model.safetensors"), "rb") as f:
        print("sha256", hashlib.sha256(f.read()).hexdigest())
    print(sum(os.path.getsize(os.path.join(a.out, n)) for n in os.listdir(a.out)), "bytes in all,", s["step"], "steps,", s["fed"], "patches fed")


if __name__ == "__main__":
    main()
