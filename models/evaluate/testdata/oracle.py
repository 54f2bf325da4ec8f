"""Writes oracle.json: scikit-learn's figures for small random cases.

    pip install numpy scikit-learn
    python oracle.py > oracle.json
"""
import json
import sys

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize

rng = np.random.default_rng(8)
out = []
for k, n in [(2, 40), (4, 60)]:
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[truth]
    p = np.round(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 2)  # two digits: ties
    p[:, -1] = np.round(1 - p[:, :-1].sum(1), 2).clip(0, 1)
    w = rng.integers(0, 3, n)
    guess = p.argmax(1)
    for weights in [np.ones(n), w]:
        onehot = label_binarize(truth, classes=range(k + 1))[:, :k]
        top = p.max(1)
        ece, brier = 0.0, float(np.average(((p - onehot) ** 2).sum(1), weights=weights))
        at = np.searchsorted(np.linspace(0, 1, 16)[1:-1], top)
        for b in range(15):
            m = (at == b) & (weights > 0)
            if m.any():
                ece += weights[m].sum() * abs(np.average(guess[m] == truth[m], weights=weights[m]) - np.average(top[m], weights=weights[m]))
        row = {
            "classes": k, "truth": truth.tolist(), "scores": p.tolist(), "weights": weights.astype(int).tolist(),
            "confusion": metrics.confusion_matrix(truth, guess, sample_weight=weights, labels=range(k)).astype(float).tolist(),
            "accuracy": metrics.accuracy_score(truth, guess, sample_weight=weights),
            "balanced": metrics.balanced_accuracy_score(truth, guess, sample_weight=weights),
            "sensitivity": metrics.recall_score(truth, guess, average=None, sample_weight=weights).tolist(),
            "precision": metrics.precision_score(truth, guess, average=None, sample_weight=weights).tolist(),
            "f1": metrics.f1_score(truth, guess, average=None, sample_weight=weights).tolist(),
            "specificity": [metrics.recall_score(truth != c, guess != c, sample_weight=weights) for c in range(k)],
            "auroc": [metrics.roc_auc_score(onehot[:, c], p[:, c], sample_weight=weights) for c in range(k)],
            "auprc": [metrics.average_precision_score(onehot[:, c], p[:, c], sample_weight=weights) for c in range(k)],
            "ece": ece / weights.sum(), "brier": brier,
            "logloss": float(-np.average(np.log(np.maximum(p[np.arange(n), truth], 2.0 ** -52)), weights=weights)),
        }
        if weights.max() == 1:
            share, score = calibration_curve(onehot[:, 0], p[:, 0], n_bins=10)
            fpr, tpr, threshold = metrics.roc_curve(onehot[:, 0], p[:, 0], drop_intermediate=False)
            row |= {"share": share.tolist(), "score": score.tolist(),
                    "fpr": fpr[1:].tolist(), "tpr": tpr[1:].tolist(), "threshold": threshold[1:].tolist()}
        out.append(row)
json.dump(out, sys.stdout, separators=(",", ":"))
print()
