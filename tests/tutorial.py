"""The k-means tutorial's job and MMYOLO's v5-k-means, restated plainly: broadcasting, one mutant after the other."""

import random

import numpy as np
import pytest


def mixed(images, seed, sizes=((500, 333), (640, 427), (375, 500))):
    """Image sizes (images, 2) of several shapes, and for each image the relative sizes of one to eight boxes."""
    rng = np.random.default_rng(seed)
    img_wh = np.array(sizes)[rng.integers(0, len(sizes), images)]
    pixels = [rng.integers(4, np.maximum(5, wh // 2), (rng.integers(1, 9), 2)) for wh in img_wh]
    return img_wh.tolist(), [(boxes / wh).tolist() for boxes, wh in zip(pixels, img_wh, strict=True)]


def fitness(anchors, wh, thr):
    ratio = wh[:, None] / anchors[None]
    best = np.minimum(ratio, 1.0 / ratio).min(2).max(1)
    return (best * (best > thr).astype(np.float32)).mean(), (best > thr).astype(np.float32).mean()


def k_means(boxes, k, dist=np.median):
    last, centers = np.zeros(len(boxes)), boxes[np.random.choice(len(boxes), k, replace=False)]
    while True:
        inter = np.minimum(boxes[:, None], centers[None]).prod(2)
        nearest = (1 - inter / (boxes[:, None].prod(2) + centers[None].prod(2) - inter)).argmin(1)
        if (nearest == last).all():
            return centers
        for j in range(k):
            centers[j] = dist(boxes[nearest == j], axis=0)
        last = nearest


def shown(name, anchors, fit, bpr):
    pairs = " ".join(f"[{int(w)}, {int(h)}]" for w, h in anchors)
    return f"{name}: {pairs}\nfitness: {fit:.5f}, best possible recall: {bpr:.5f}\n"


def search(best, fit, bpr, wh, thr, gen, chance=0.9, sigma=0.1):
    """Return the fittest anchors, their fitness, and the recall of the last mutant."""
    for _ in range(gen):
        factors = np.ones(best.shape)
        while (factors == 1).all():
            mask = np.random.random(best.shape) < chance
            factors = (mask * random.random() * np.random.randn(*best.shape) * sigma + 1).clip(0.3, 3.0)
        mutant = (best * factors).clip(min=2.0)
        now, bpr = fitness(mutant, wh, thr)
        if now > fit:
            best, fit = mutant, now
    return best, fit, bpr


def v5_k_means(wh, k, thr, gen, chance=0.9, sigma=0.1):
    """Return anchors and their fitness; boxes (n, 2) float32."""
    vq = pytest.importorskip("scipy.cluster.vq")
    wh = wh[(wh >= 2.0).any(1)]
    scale = wh.std(0, ddof=1)
    best = vq.kmeans(wh / scale, k, iter=30)[0] * scale
    best = best[np.argsort(best.prod(1))].astype(np.float32)
    best, fit, _ = search(best, np.float32(fitness(best, wh, thr)[0]), 0.0, wh, thr, gen, chance, sigma)
    return best[np.argsort(best.prod(1))], fit


def auto_anchor(img_size, n, thr, gen, img_wh, bbox_wh, dtype=np.float32):
    """Return anchors and the text printed."""
    img_wh = np.array(img_wh, dtype=dtype)
    scale = img_size * img_wh / img_wh.max(1, keepdims=True)
    wh = np.concatenate([boxes * s for s, boxes in zip(scale, bbox_wh, strict=True)])
    small = (wh < 3.0).any(1).sum()
    told = f"WARNING: Extremely small objects found. {small} of {len(wh)} labels are < 3 pixels in size.\n"
    text = told if small else ""
    wh = wh[(wh >= 2.0).any(1)]
    best = k_means(wh, n)
    best = best[np.argsort(best.prod(1))]
    fit, bpr = fitness(best, wh, thr)
    text += shown("kmeans", best, fit, bpr)
    best, fit, bpr = search(best, fit, bpr, wh, thr, gen)
    best = best[np.argsort(best.prod(1))]
    return best, text + shown("genetic", best, fit, bpr)
