"""The network of the starter model, by the names of Hugging Face's CLIPModel."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

CONFIG = {
    "image": 112, "patch": 16, "width": 192, "depth": 6, "heads": 3,
    "text_width": 192, "text_depth": 3, "text_heads": 3, "tokens": 40, "dim": 192,
}
MEAN, STD = [0.72, 0.58, 0.70], [0.20, 0.24, 0.18]
EPS = 1e-5
CONTENTS = 10  # synth.Contents
KINDS = 9      # synth.Kind
CELLS = 14     # of the truth a side


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for n in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, n, nn.Linear(width, width))

    def forward(self, x, causal):
        n, t, w = x.shape
        q, k, v = (f(x).view(n, t, self.heads, -1).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out_proj(y.transpose(1, 2).reshape(n, t, w))


class MLP(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.self_attn, self.mlp = Attention(width, heads), MLP(width)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width, EPS), nn.LayerNorm(width, EPS)

    def forward(self, x, causal=False):
        x = x + self.self_attn(self.layer_norm1(x), causal)
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, width, heads, depth):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))


class VisionEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.grid = c["image"] // c["patch"]
        self.class_embedding = nn.Parameter(torch.randn(c["width"]) * 0.02)
        self.patch_embedding = nn.Conv2d(3, c["width"], c["patch"], c["patch"], bias=False)
        self.position_embedding = nn.Embedding(self.grid ** 2 + 1, c["width"])


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = VisionEmbeddings(c)
        self.pre_layrnorm = nn.LayerNorm(c["width"], EPS)
        self.encoder = Encoder(c["width"], c["heads"], c["depth"])
        self.post_layernorm = nn.LayerNorm(c["width"], EPS)

    def forward(self, x):
        e = self.embeddings
        x = e.patch_embedding(x).flatten(2).transpose(1, 2)
        x = torch.cat([e.class_embedding.expand(len(x), 1, -1), x], 1) + e.position_embedding.weight
        x = self.pre_layrnorm(x)
        for layer in self.encoder.layers:
            x = layer(x)
        return self.post_layernorm(x[:, 0]), x[:, 1:]


class TextEmbeddings(nn.Module):
    def __init__(self, c, vocabulary):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, c["text_width"])
        self.position_embedding = nn.Embedding(c["tokens"], c["text_width"])


class Text(nn.Module):
    def __init__(self, c, vocabulary):
        super().__init__()
        self.embeddings = TextEmbeddings(c, vocabulary)
        self.encoder = Encoder(c["text_width"], c["text_heads"], c["text_depth"])
        self.final_layer_norm = nn.LayerNorm(c["text_width"], EPS)

    def forward(self, ids, end):
        # Nothing looks ahead, so what follows the end may be left out.
        e = self.embeddings
        x = e.token_embedding(ids) + e.position_embedding.weight[: ids.shape[1]]
        for layer in self.encoder.layers:
            x = layer(x, causal=True)
        at = (ids == end).int().argmax(1)
        return self.final_layer_norm(x[torch.arange(len(x), device=x.device), at])


class Starter(nn.Module):
    """Both towers; the state has CLIPModel's names."""

    def __init__(self, c, vocabulary, end):
        super().__init__()
        self.c, self.end = c, end
        self.vision_model, self.text_model = Vision(c), Text(c, vocabulary)
        self.visual_projection = nn.Linear(c["width"], c["dim"], bias=False)
        self.text_projection = nn.Linear(c["text_width"], c["dim"], bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02 if m.out_features > c["dim"] else m.in_features ** -0.5 / 2)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Embedding):
                nn.init.normal_(m.weight, std=0.02)
        self.places()

    def places(self):
        """Sines and cosines over the raster as first places."""
        e = self.vision_model.embeddings
        g, w = e.grid, e.position_embedding.weight.shape[1]
        f = 1 / 100 ** (torch.arange(w // 4) / (w // 4))
        y, x = torch.meshgrid(torch.arange(g), torch.arange(g), indexing="ij")
        parts = [t(v.flatten()[:, None] * f) for v in (y, x) for t in (torch.sin, torch.cos)]
        with torch.no_grad():
            e.position_embedding.weight[1:] = 0.3 * torch.cat(parts, 1)

    def see(self, pixels):
        """Principal components of the tokens' pixels as the first filters:
        colour and contrast are seen from the first step on."""
        p = self.c["patch"]
        t = pixels.unfold(2, p, p).unfold(3, p, p).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * p * p)
        t = t - t.mean(0)
        _, s, v = torch.linalg.svd(t[torch.randperm(len(t))[:6000]].double(), full_matrices=False)
        s = s / math.sqrt(6000)
        w = v[: self.c["width"]] / (s[: self.c["width"], None] + 0.05 * s[0])
        with torch.no_grad():
            self.vision_model.embeddings.patch_embedding.weight.copy_(w.float().view(-1, 3, p, p))

    def image(self, pixels):
        cls, tokens = self.vision_model(pixels)
        return self.visual_projection(cls), tokens

    def text(self, ids):
        return self.text_projection(self.text_model(ids, self.end))


class Heads(nn.Module):
    """What the truth teaches beside the sentences; dropped after training."""

    GLOBAL = 2 * CONTENTS + KINDS + 8

    def __init__(self, c):
        super().__init__()
        self.cells = (CELLS * c["patch"] // c["image"]) ** 2  # of a token
        self.norm = nn.LayerNorm(c["width"], EPS)
        self.dense = nn.Linear(c["width"], self.cells * (CONTENTS + 1))
        self.whole = nn.Sequential(nn.Linear(c["dim"], 192), nn.GELU(), nn.Linear(192, self.GLOBAL))

    def forward(self, embedding, tokens):
        d = self.dense(self.norm(tokens)).view(*tokens.shape[:2], self.cells, CONTENTS + 1)
        return self.whole(embedding), d
