"""Trains the starter model; may be stopped at any time and taken up again.

    python tools/starter/train.py --data data --run run --steps 20000
    python tools/starter/train.py --data data --run run --cool 2000

The first goes on from run/last.pt until so many steps were made in all; the
second lowers the rate of learning to nothing over so many further steps and
writes run/cooled.pt, which is what export.py takes; run/last.pt stays as it was. A GPU is used when there
is one. Seeds are fixed; on one machine with one number of threads a run
without interruption repeats.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import data
from network import CONFIG, CONTENTS, Heads, Starter
from tokens import Tokenizer


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder of the shards")
    p.add_argument("--run", required=True, help="folder of the checkpoints")
    p.add_argument("--tokenizer", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer"))
    p.add_argument("--real", nargs="*", default=[], help="FILE=MPP: real pictures that are free, for consistency")
    p.add_argument("--real-part", default="0,0.66", help="from,to: which rows of the real pictures may be learned from")
    p.add_argument("--steps", type=int, default=20000)
    p.add_argument("--cool", type=int, default=0)
    p.add_argument("--batch", type=int, default=0, help="0 = 128, on a GPU 1024")
    p.add_argument("--rate", type=float, default=1e-3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--every", type=float, default=150, help="seconds between checkpoints")
    p.add_argument("--minutes", type=float, default=0, help="stop after so long, a checkpoint written; 0 = never")
    return p.parse_args()


def captions(t, texts, most, device):
    ids = [t.encode(x, most) for x in texts]
    n = max(len(i) for i in ids)
    return torch.tensor([i + [t.end] * (n - len(i)) for i in ids], device=device)


def contrast(a, b, scale, same):
    """CLIP's loss; patches that the same sentences are true of do not repel."""
    logits = scale * F.normalize(a.float(), dim=-1) @ F.normalize(b.float(), dim=-1).T
    goal = (same[:, None] == same[None, :]).float()
    goal = goal / goal.sum(1, keepdim=True)
    return (F.cross_entropy(logits, goal) + F.cross_entropy(logits.T, goal)) / 2


def truth_loss(heads, embedding, tokens, b, look, nuclei):
    whole, dense = heads(embedding, tokens)
    grid = int(tokens.shape[1] ** 0.5)
    look, nuclei = data.cells_of_tokens(look, grid), data.cells_of_tokens(nuclei, grid)
    seen = F.cross_entropy(dense[..., :CONTENTS].reshape(-1, CONTENTS).float(), look.reshape(-1))
    count = F.poisson_nll_loss(dense[..., CONTENTS].float().clamp(-6, 4), nuclei)
    zones = -(b[:, :CONTENTS] * F.log_softmax(whole[:, :CONTENTS].float(), -1)).sum(1).mean()
    rest = F.smooth_l1_loss(whole[:, CONTENTS:].float(), b[:, CONTENTS:], beta=0.5)
    return seen, count, zones, rest


class Run:
    def __init__(self, o):
        torch.manual_seed(o.seed)
        torch.set_num_threads(o.threads)
        self.o, self.device = o, "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = Tokenizer(o.tokenizer)
        self.model = Starter(CONFIG, len(self.tokenizer.vocab), self.tokenizer.end).to(self.device)
        self.heads = Heads(CONFIG).to(self.device)
        self.step, self.log, self.seconds, self.fed = 0, [], 0.0, 0
        self.batch = o.batch or (1024 if self.device == "cuda" else 128)
        keep = [p for m in (self.model, self.heads) for p in m.parameters() if p.ndim > 1]
        free = [p for m in (self.model, self.heads) for p in m.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW([{"params": keep, "weight_decay": 0.05}, {"params": free, "weight_decay": 0}], lr=o.rate, betas=(0.9, 0.98))
        self.real = None
        if o.real:
            files, mpps = zip(*(r.rsplit("=", 1) for r in o.real))
            self.real = data.Real(files, [float(m) for m in mpps], tuple(float(x) for x in o.real_part.split(",")))
        os.makedirs(o.run, exist_ok=True)
        self.begin = None  # where cooling began
        cooling, last = (os.path.join(o.run, n) for n in ("cooling.pt", "last.pt"))
        self.kept = "cooling.pt" if o.cool else "last.pt"
        if o.cool and os.path.exists(cooling):
            self.load(cooling)
        elif os.path.exists(last):
            self.load(last)
        elif o.cool:
            raise SystemExit(f"there is no {last} to cool; train first")
        else:
            first = data.Shard(data.shards(o.data, "train")[0])
            x = data.normal(torch.from_numpy(first.images[:512]).permute(0, 3, 1, 2).float() / 255)
            self.model.cpu().see(x)
            self.model.to(self.device)
            self.save("first.pt")  # the same model with seeded weights

    def load(self, path):
        s = torch.load(path, map_location=self.device, weights_only=False)
        self.model.load_state_dict(s["model"])
        self.heads.load_state_dict(s["heads"])
        self.optimiser.load_state_dict(s["optimiser"])
        self.step, self.log, self.seconds, self.fed = s["step"], s["log"], s["seconds"], s["fed"]
        self.begin = s.get("begin")
        print("goes on from step", self.step, flush=True)

    def save(self, name):
        path = os.path.join(self.o.run, name)
        torch.save({"model": self.model.state_dict(), "heads": self.heads.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
                    "log": self.log, "seconds": self.seconds, "fed": self.fed, "begin": self.begin, "config": CONFIG}, path + ".new")
        os.replace(path + ".new", path)

    def one(self, b, rng, g):
        x = b["images"].to(self.device).permute(0, 3, 1, 2).float() / 255
        k = int(rng.integers(8))
        x = data.normal(data.jitter(data.turned(x, k), 0.08, g))
        look, nuclei = data.turned(b["look"], k).to(self.device), data.turned(b["nuclei"], k).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            e, tokens = self.model.image(x)
            t = self.model.text(captions(self.tokenizer, b["captions"], CONFIG["tokens"], self.device))
            parts = {"pairs": contrast(e, t, self.model.logit_scale.exp(), b["same"].to(self.device))}
            parts.update(zip(("look", "nuclei", "zones", "rest"), truth_loss(self.heads, e, tokens, b["whole"].to(self.device), look, nuclei)))
            if self.real is not None and self.step % 4 == 0:
                u, v = self.real.views(self.batch // 4, rng)
                uv = data.normal(data.jitter(torch.cat([u, v]).to(self.device), 0.2, g))
                e, _ = self.model.image(uv)
                a, c = e.chunk(2)
                parts["real"] = contrast(a, c, 10.0, torch.arange(len(a), device=self.device)) / 2
        return sum(parts.values()), parts

    def train(self):
        o = self.o
        if o.cool and self.begin is None:
            self.begin = self.step
        goal = self.begin + o.cool if o.cool else o.steps
        started = saved = time.time()
        rng, g = np.random.default_rng([o.seed, self.step]), torch.Generator().manual_seed(o.seed + self.step)
        feed = data.batches(o.data, self.batch, rng)
        params = [p for m in (self.model, self.heads) for p in m.parameters()]
        spent = self.seconds
        while self.step < goal:
            rate = o.rate * min(1, (self.step + 1) / 150)
            if o.cool:
                rate *= 1 - (self.step - self.begin) / o.cool
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss, parts = self.one(next(feed), rng, g)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            self.optimiser.step()
            with torch.no_grad():
                self.model.logit_scale.clamp_(0, np.log(60))
            self.step += 1
            self.fed += self.batch
            self.seconds = spent + time.time() - started
            if self.step % 10 == 0:
                self.log.append([self.step, round(self.seconds), {k: round(float(v.detach()), 4) for k, v in parts.items()}])
                print(json.dumps(self.log[-1]), flush=True)
            if time.time() - saved > o.every:
                self.save(self.kept)
                saved = time.time()
            if o.minutes and time.time() - started > 60 * o.minutes:
                break
        self.save(self.kept)
        if o.cool and self.step >= goal:
            os.replace(os.path.join(o.run, self.kept), os.path.join(o.run, "cooled.pt"))
        print("ends at step", self.step, flush=True)


if __name__ == "__main__":
    Run(options()).train()
