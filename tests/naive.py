"""The definitions, in plain loops or plain NumPy. Slow on purpose; nothing here is taken from src."""

import itertools
import math
from fractions import Fraction

import numpy as np


def iou(box, center):
    (w, h), (cw, ch) = box, center
    inter = min(w, cw) * min(h, ch)
    return inter / (w * h + cw * ch - inter)


def distance(box, center, metric):
    if metric == "iou":
        return 1.0 - iou(box, center)
    if metric == "ratio":
        return 1.0 - best_ratio(box, np.array([center]))
    return (box[0] - center[0]) * (box[0] - center[0]) + (box[1] - center[1]) * (box[1] - center[1])


def nearest(wh, centers, metric):
    """Labels and distances, by strict comparison from the lowest index on."""
    labels, distances = [], []
    for box in wh.tolist():
        all_ = [distance(box, center, metric) for center in centers.tolist()]
        best = min(all_)
        labels.append(all_.index(best))
        distances.append(best)
    return np.array(labels), np.array(distances)


def nearest_fast(wh, centers, metric):
    """The same by broadcasting, for the runs that are too long for loops."""
    if metric == "iou":
        inter = np.minimum(wh[:, None, 0], centers[None, :, 0]) * np.minimum(wh[:, None, 1], centers[None, :, 1])
        area = wh[:, 0] * wh[:, 1]
        d = 1.0 - inter / (area[:, None] + (centers[:, 0] * centers[:, 1])[None] - inter)
    elif metric == "ratio":
        d = 1.0 - np.minimum(wh[:, None] / centers, centers / wh[:, None]).min(2)
    else:
        dw = wh[:, None, 0] - centers[None, :, 0]
        dh = wh[:, None, 1] - centers[None, :, 1]
        d = dw * dw + dh * dh
    return d.argmin(1), d.min(1)


def exact_mean(boxes, axis):
    """The mean, rounded once: where boxes are a hair apart, what a rounded sum is off by decides who is nearest."""
    return [float(sum(map(Fraction, side.tolist())) / len(boxes)) for side in boxes.T]


MEAN = np.mean  # exact_mean takes a hundred times as long


def updated(wh, labels, k, update):
    rule = np.median if update == "median" else MEAN
    return np.array([rule(wh[labels == j], axis=0) if (labels == j).any() else [np.nan] * 2 for j in range(k)])


def kmeans(wh, start, metric, update, max_iter=300, tol=0.0):
    """The run as the documentation spells it out; returns centres, updates made, reason to stop."""
    centers, previous, seen, last = start.copy(), None, [start.copy()], None
    for n_iter in range(max_iter):
        labels, distances = nearest_fast(wh, centers, metric)
        if previous is not None and np.array_equal(labels, previous) and len(set(labels)) == len(centers):
            return centers, n_iter, "converged"
        new = updated(wh, labels, len(centers), update)
        for j in np.flatnonzero(np.isnan(new[:, 0])):
            new[j] = wh[nearest_fast(wh, new[~np.isnan(new[:, 0])], metric)[1].argmax()]
        if any(np.array_equal(new, old) for old in seen) and not np.array_equal(new, centers):
            return best_seen(wh, seen, metric), n_iter + 1, "cycle"
        if tol > 0.0:
            now = distances.sum()
            if last is not None:
                gain = (last - now) / (last if metric == "euclidean" else len(wh)) if last else 0.0
                if gain < tol and not emptied(wh, new, metric):
                    return new, n_iter + 1, "tol"
            last = now
        seen.append(new)
        centers, previous = new, labels
    return centers, max_iter, "max_iter"


def emptied(wh, centers, metric):
    return len(set(nearest_fast(wh, centers, metric)[0])) < len(centers)


def best_seen(wh, seen, metric):
    """The first with the least sum of distances, of those that have a box for each centre if there are any."""
    able = [centers for centers in seen if not emptied(wh, centers, metric)] or seen
    scores = [nearest_fast(wh, centers, metric)[1].sum() for centers in able]
    return next(c for score, c in zip(scores, able, strict=True) if score <= min(scores) * (1 + 1e-11))


def best_ratio(box, anchors):
    w, h = box
    return max(min(w / kw, kw / w, h / kh, kh / h) for kw, kh in anchors.tolist())


def fitness(anchors, wh, thr):
    best = [best_ratio(box, anchors) for box in wh.tolist()]
    return math.fsum(b for b in best if b > thr) / len(best), sum(b > thr for b in best) / len(best)


def fitness_fast(anchors, wh, thr):
    ratio = wh[:, None] / anchors[None]
    best = np.minimum(ratio, anchors[None] / wh[:, None]).min(2).max(1)
    return (best * (best > thr)).mean(), (best > thr).mean()


def kmeans_plus_plus(wh, k, metric, rng):
    rows = [int(rng.integers(len(wh)))]
    while len(rows) < k:
        d = nearest_fast(wh, wh[rows], metric)[1]
        rows.append(first_beyond(np.sqrt(d) if metric == "euclidean" else d, rng.random()))
    return wh[rows]


def first_beyond(values, u):
    """The first place where the values so far add up to more than `u` times their total; whole numbers, no rounding."""
    parts = [value.as_integer_ratio() for value in values.tolist()]
    sums = list(itertools.accumulate(over * (2**1074 // under) for over, under in parts))
    return next(i for i, total in enumerate(sums) if total > Fraction(u) * sums[-1])


def evolve(anchors, wh, thr, gen, rng):
    """The search with the draws in the order that the documentation gives."""
    best, fit, accepted = anchors.copy(), fitness_fast(anchors, wh, thr)[0], 0
    for _ in range(gen):
        v = np.ones(anchors.shape)
        while (v == 1).all():
            mask = rng.random(anchors.shape) < 0.9
            u = rng.random()
            z = rng.standard_normal(anchors.shape)
            v = (mask * u * z * 0.1 + 1).clip(0.3, 3.0)
        mutant = (best * v).clip(min=2.0)
        score = fitness_fast(mutant, wh, thr)[0]
        if score > fit:
            best, fit, accepted = mutant, score, accepted + 1
    return best, fit, accepted


def fittest(wh, k, rng, *, thr=0.25, metric="iou", update="median", init="random", n_init=16, max_iter=300, seen=16384):
    """The rule by which auto_anchor begins; returns what kmeans does."""
    if len(wh) > seen:
        found = fittest(wh[rng.choice(len(wh), seen, replace=False)], k, rng, thr=thr, metric=metric, update=update,
                        init=init, n_init=n_init, max_iter=max_iter, seen=seen)  # fmt: skip
        return kmeans(wh, found[0], metric, update, max_iter)

    def largest(runs, count):
        scores = np.array([fitness_fast(run[0], wh, thr)[0] for run in runs])
        order = np.lexsort((np.arange(len(runs)), -scores.round(12)))
        return [runs[i] for i in sorted(order[:count])]

    trials = []
    for _ in range(n_init):
        start = wh[rng.choice(len(wh), k, replace=False)] if init == "random" else kmeans_plus_plus(wh, k, metric, rng)
        trials.append(kmeans(wh, start, metric, update, min(20, max_iter)))
    runs = []
    for centers, done, stop in largest(trials, 2):
        if stop == "max_iter" and done < max_iter:
            centers, more, stop = kmeans(wh, centers, metric, update, max_iter - done)
            done += more
        runs.append((centers, done, stop))
    return largest(runs, 1)[0]
