"""Measures the starter model on what it has not seen.

    python tools/starter/evaluate.py --data data --checkpoint run/cooled.pt --seeded run/first.pt \\
        [--real labels.json] --out report.json

On the test shards (other seeds; half of the scenes with stains, scanners and
scales beyond those of training): zero-shot balanced accuracy, recall of
sentences at 1 and 5, and a linear probe with 5, 20 and 100 labels a class,
for the model, for the same network with its seeded weights, and for simple
statistics of colour and texture. --real names patches of real slides that a
person labelled; see real.py.
"""

import argparse
import json

import numpy as np
import torch

import data
from export import load, texts_of

# As the program asks: the class's names in the program's own templates.
NAMES = {
    "glass": ["glass", "empty glass", "background"], "tumour": ["tumour", "carcinoma", "tumour cells"], "stroma": ["stroma", "connective tissue", "collagen"],
    "necrosis": ["necrosis", "necrotic debris"], "lymphocytes": ["lymphocytes", "lymphoid tissue"], "glands": ["glands", "glandular epithelium"],
    "fat": ["fat", "adipose tissue"], "vessel": ["vessel", "blood vessel"], "pen": ["pen mark", "marker ink"], "fold": ["tissue fold", "fold"],
}
TEMPLATES = ["%s", "An H&E image of %s.", "A photomicrograph showing %s.", "%s is present."]


def embed(m, images, batch=128):
    out = []
    with torch.no_grad():
        for at in range(0, len(images), batch):
            x = torch.from_numpy(images[at : at + batch]).permute(0, 3, 1, 2).float() / 255
            out.append(torch.nn.functional.normalize(m.image(data.normal(x))[0], dim=-1))
    return torch.cat(out).numpy()


def embed_texts(m, t, texts, batch=256):
    out = []
    with torch.no_grad():
        for at in range(0, len(texts), batch):
            out.append(torch.nn.functional.normalize(texts_of(m, t, texts[at : at + batch]), dim=-1))
    return torch.cat(out).numpy()


def statistics(images):
    """Colour and texture without learning: mean, spread and quantiles of each
    colour and of its optical density, their correlations, and for light and
    dark the size of differences over 1, 2, 4 and 8 pixels and of edges in four
    directions."""
    out = []
    for im in images:
        x = im.astype(np.float32) / 255
        od = -np.log(x + 1 / 256)
        f = []
        for v in (x, od):
            f += list(v.mean((0, 1))) + list(v.std((0, 1)))
        f += list(np.quantile(x.reshape(-1, 3), [0.05, 0.25, 0.5, 0.75, 0.95], axis=0).ravel())
        f += list(np.corrcoef(od.reshape(-1, 3).T + 1e-6 * np.random.default_rng(0).standard_normal((3, od.size // 3)))[np.triu_indices(3, 1)])
        g = od.mean(2)
        for d in (1, 2, 4, 8):
            a, b = g[:, d:] - g[:, :-d], g[d:] - g[:-d]
            c, e = g[d:, d:] - g[:-d, :-d], g[d:, :-d] - g[:-d, d:]
            f += [np.abs(v).mean() for v in (a, b, c, e)] + [a.std(), b.std()]
        dark = g > g.mean() + g.std()
        f += [dark.mean(), np.abs(np.diff(dark.astype(np.int8), axis=0)).mean(), np.abs(np.diff(dark.astype(np.int8), axis=1)).mean()]
        out.append(f)
    return np.array(out)


def balanced(truth, said):
    return float(np.mean([np.mean(said[truth == c] == c) for c in np.unique(truth)]))


def probe(features, truth, groups, each, seed):
    """Balanced accuracy of logistic regression on standardised numbers, learned
    from `each` patches a class of half of the scenes, judged on the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    rng = np.random.default_rng(seed)
    for _ in range(100):  # until either half has every class
        names = rng.permutation(np.unique(groups))
        first = np.isin(groups, names[: len(names) // 2])
        if all(set(truth[half]) == set(truth) for half in (first, ~first)):
            break
    learn = []
    for c in np.unique(truth):
        at = np.flatnonzero(first & (truth == c))
        learn += list(rng.permutation(at)[:each])
    rest = ~first & np.isin(truth, np.unique(truth[learn]))
    s = StandardScaler().fit(features[learn])
    m = LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced").fit(s.transform(features[learn]), truth[learn])
    return balanced(truth[rest], m.predict(s.transform(features[rest])))


def probes(kinds, truth, groups, eaches=(5, 20, 100), draws=10):
    return {name: {str(e): [round(float(f(v)), 4) for f in (np.mean, np.std)] for e in eaches
                   for v in [[probe(x, truth, groups, e, s) for s in range(draws)]]} for name, x in kinds.items()}


def recall(images, texts, same):
    """Of sentences for a patch, by text: right when the sentence was written
    for a patch that the same things are true of."""
    s = images @ texts.T
    order = np.argsort(-s, 1)
    right = same[:, None] == same[order]
    return {"1": float(right[:, :1].any(1).mean()), "5": float(right[:, :5].any(1).mean()), "chance1": float((same[:, None] == same).mean())}


def zero_shot(m, t, e, truth, labels):
    words = []
    for l in labels:
        v = embed_texts(m, t, [f % n for n in NAMES[l] for f in TEMPLATES]).mean(0)
        words.append(v / np.linalg.norm(v))
    said = np.array(labels)[np.argmax(e @ np.array(words).T, 1)]
    return balanced(truth, said), {l: round(float(np.mean(said[truth == l] == l)), 4) for l in labels}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--seeded", required=True)
    p.add_argument("--tokenizer", default=__file__.rsplit("evaluate.py", 1)[0] + "tokenizer")
    p.add_argument("--real", help="labels.json of real.py")
    p.add_argument("--out", required=True)
    p.add_argument("--most", type=int, default=4096, help="patches of the test shards")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    sets = [data.Shard(n) for n in data.shards(a.data, "test")]
    images = np.concatenate([s.images for s in sets])[: a.most]
    lines = [l for s in sets for l in s.lines][: a.most]
    m, t, state = load(a.checkpoint, a.tokenizer)
    seeded, _, _ = load(a.seeded, a.tokenizer)
    report = {"patches": len(lines), "steps": state["step"], "fed": state["fed"], "seconds": round(state["seconds"])}
    e, e0, stats = embed(m, images), embed(seeded, images), statistics(images)
    truth = np.array([l["label"] for l in lines])
    scenes = np.array([l["scene"] for l in lines])
    beyond = np.array([l["beyond"] for l in lines])
    labelled = truth != ""
    # Classes of which there are enough to be judged.
    labels = [l for l in NAMES if (truth == l).sum() >= 8]
    labelled &= np.isin(truth, labels)
    report["labels"] = {l: int((truth == l).sum()) for l in labels}
    for name, net, v in (("model", m, e), ("seeded", seeded, e0)):
        for part, mask in (("all", labelled), ("beyond", labelled & beyond), ("within", labelled & ~beyond)):
            acc, each = zero_shot(net, t, v[mask], truth[mask], labels)
            report.setdefault("zero-shot", {}).setdefault(name, {})[part] = round(acc, 4)
            if part == "all":
                report["zero-shot"][name]["each"] = each
    same = np.array([data.signature(l) for l in lines])
    some = np.array([i for i, l in enumerate(lines) if l["captions"]])[:1024]
    texts = [lines[i]["captions"][-1] for i in some]
    for name, net, v in (("model", m, e), ("seeded", seeded, e0)):
        report.setdefault("recall of 1 in 1024", {})[name] = recall(v[some], embed_texts(net, t, texts), same[some])
    kinds = {"model": e[labelled], "seeded": e0[labelled], "statistics": stats[labelled]}
    report["probe"] = probes(kinds, truth[labelled], scenes[labelled])
    if a.real:
        report["real"] = real(a.real, m, seeded, t)
    with open(a.out, "w") as f:
        json.dump(report, f, indent=1)
    print(json.dumps(report, indent=1))


def real(name, m, seeded, t):
    """Patches of real slides with a person's labels, each slide for itself; the
    groups are squares of the slide, so that no neighbour is learned from."""
    import os
    with open(name) as f:
        sets = json.load(f)
    out = {}
    for s in sets:
        images = np.load(os.path.join(os.path.dirname(name), s["images"]))
        for task, truth in s["tasks"].items():
            truth = np.array(truth)
            some = truth != ""
            groups = np.array(s["groups"])[some]
            x = images[some]
            kinds = {"model": embed(m, x), "seeded": embed(seeded, x), "statistics": statistics(x)}
            out[s["slide"] + ", " + task] = {"patches": {c: int((truth == c).sum()) for c in np.unique(truth[some])}, **probes(kinds, truth[some], groups, (2, 5, 20))}
    return out


if __name__ == "__main__":
    main()
