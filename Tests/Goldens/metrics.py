"""Writes metrics.json: scores, classes and what scikit-learn (and, for DeLong's interval and the bootstrap, the definition) makes of them.

    python3 metrics.py > metrics.json

Class 0 is normal, classes 1, 2, ... are anomalies. "rows" has "all" and each class of anomalies present, against all normals.
"""

import json

import numpy as np
import scipy
import sklearn
from scipy.stats import norm
from sklearn.metrics import average_precision_score, precision_recall_curve, precision_recall_fscore_support, roc_auc_score, roc_curve


QUANTILE = 1.959963984540054  # scipy.stats.norm.ppf(0.975)
DRAWS = {}  # of the bootstrap, by the number of groups


def pairs(labels, scores):
    """1 where an anomaly (row) scores above a normal (column), 1/2 where they are equal."""
    anomalies, normals = scores[labels == 1], scores[labels == 0]
    return (anomalies[:, None] > normals[None, :]) + 0.5 * (anomalies[:, None] == normals[None, :])


def delong(labels, scores):
    """The 95 % interval by the definition: all pairs, no sorting. None where one side has a single sample."""
    wins = pairs(labels, scores)
    if min(wins.shape) < 2:
        return None
    variance = wins.mean(1).var(ddof=1) / len(wins) + wins.mean(0).var(ddof=1) / wins.shape[1]
    reach = QUANTILE * np.sqrt(variance)
    return [max(0.0, wins.mean() - reach), min(1.0, wins.mean() + reach)]


def paired(name, first, second, classes):
    """DeLong's paired test by the definition, with the 2 x 2 covariances of the placements."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    labels = (np.asarray(classes) > 0).astype(int)
    wins = np.stack([pairs(labels, first), pairs(labels, second)])
    covariance = np.cov(wins.mean(2)) / wins.shape[1] + np.cov(wins.mean(1)) / wins.shape[2]
    difference = roc_auc_score(labels, first) - roc_auc_score(labels, second)
    deviation = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return {
        "name": name, "first": first.tolist(), "second": second.tolist(), "classes": np.asarray(classes).tolist(),
        "difference": float(difference),
        "interval": [max(-1.0, difference - QUANTILE * deviation), min(1.0, difference + QUANTILE * deviation)],
        "p_value": float(2 * norm.sf(abs(difference) / deviation)),
    }


def metrics(labels, scores):
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    precision, recall = precision[:-1], recall[:-1]  # the last point has no threshold
    f1 = np.divide(2 * precision * recall, precision + recall, out=np.zeros_like(recall), where=recall > 0)
    best = np.flatnonzero(f1 > f1.max() - 1e-12)[-1]  # of equal ones the highest threshold
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "normals": int((labels == 0).sum()),
        "anomalies": int((labels == 1).sum()),
        "auroc": float(roc_auc_score(labels, scores)),
        "auroc_to_fpr_10_percent": float(roc_auc_score(labels, scores, max_fpr=0.1)),
        "auroc_interval": delong(labels, scores),
        "average_precision": float(average_precision_score(labels, scores)),
        "best_f1": float(f1[best]),
        "best_f1_threshold": float(thresholds[best]),
        "tpr_at_fpr_1_percent": float(tpr[fpr <= 0.01].max()),
        "tpr_at_fpr_1_permille": float(tpr[fpr <= 0.001].max()),
        "fpr_at_tpr_95_percent": float(fpr[tpr >= 0.95].min()),
    }


def at_threshold(rule, threshold, labels, scores):
    precision, recall, f1, _ = precision_recall_fscore_support(labels, scores >= threshold, average="binary", zero_division=0)
    return {"rule": rule, "threshold": float(threshold), "precision": float(precision), "recall": float(recall), "f1": float(f1)}


def thresholds(labels, scores):
    """Alarms at or above the threshold: min-max normalized 0.2, and just above quantiles of the normals."""
    normals = scores[labels == 0]
    yield at_threshold("min_max", scores.min() + (0.2 * scores.max() - 0.2 * scores.min()), labels, scores)
    for percent in (95, 50):
        quantile = np.quantile(normals, percent / 100, method="inverted_cdf")
        yield at_threshold(f"quantile_{percent}", np.nextafter(quantile, np.inf), labels, scores)


def case(name, scores, classes):
    scores, classes = np.asarray(scores, dtype=np.float64), np.asarray(classes)
    rows = {"all": metrics((classes > 0).astype(int), scores)}
    for anomaly in sorted(set(classes.tolist()) - {0}):
        part = (classes == 0) | (classes == anomaly)
        rows[str(anomaly)] = metrics((classes[part] > 0).astype(int), scores[part])
    points = list(thresholds((classes > 0).astype(int), scores))
    return {"name": name, "scores": scores.tolist(), "classes": classes.tolist(), "rows": rows, "thresholds": points}


def philox(key, low, high=0):
    """The block of Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011) at a counter, as four integers."""
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    c0, c1, c2, c3 = low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c3 ^ k1, a & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


assert philox(0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # known answer of Random123


def draws(replicate, groups):
    """How often the bootstrap draws each group: draw d is word d of a key made of seed 0, the word "bootstrap" and the replicate."""
    purpose = 0xCBF29CE484222325
    for byte in b"bootstrap":  # FNV-1a
        purpose = (purpose ^ byte) * 0x100000001B3 % 2**64
    key = 0
    for place, word in enumerate((purpose, replicate)):
        block = philox(key, word, place)
        key = block[0] | block[1] << 32
    drawn = np.zeros(groups, dtype=int)
    for draw in range(groups):
        block = philox(key, draw)
        drawn[(block[0] | block[1] << 32) * groups >> 64] += 1
    return drawn


def interval(values):
    """From the 25th smallest to the 25th largest of 1,000."""
    values, cut = sorted(values), max(1, len(values) * 25 // 1000)
    return [values[cut - 1], values[-cut]]


def bootstrap(labels, scores, index):
    """The AUROC in each of 1,000 replicates; None where one side was not drawn. Nothing where a side is of a single group.
    Samples labeled 2 belong to groups as all do, but are compared with none."""
    if min(len(set(index[labels == side])) for side in (0, 1)) < 2:
        return None
    replicates = []
    for drawn in DRAWS[index.max() + 1]:
        weights = drawn[index]
        if min(weights[labels == side].sum() for side in (0, 1)) == 0:
            replicates.append(None)
        else:
            kept = labels < 2
            replicates.append(float(roc_auc_score(labels[kept], scores[kept], sample_weight=weights[kept])))
    return replicates


def grouped(name, first, second, classes, groups):
    """Intervals by the bootstrap over groups, of the AUROC of the first score and of its difference to the second; and a row per group."""
    first, second, classes = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64), np.asarray(classes)
    groups = np.asarray(groups)
    numbers, index = np.unique(groups, return_inverse=True)
    DRAWS.setdefault(len(numbers), [draws(replicate, len(numbers)) for replicate in range(1000)])
    labels, intervals = (classes > 0).astype(int), {}
    for row in ["all"] + sorted(set(classes.tolist()) - {0}):
        # a class alone, but the groups are drawn from all
        weighed = classes >= 0 if row == "all" else (classes == 0) | (classes == row)
        kept = np.where(weighed, labels, 2)
        replicates = bootstrap(kept, first, index)
        intervals[str(row)] = replicates and interval([value for value in replicates if value is not None])
    replicates = bootstrap(labels, first, index), bootstrap(labels, second, index)
    paired = None
    if replicates[0]:
        differences = [a - b for a, b in zip(*replicates) if a is not None]
        smaller = min(sum(d <= 0 for d in differences), sum(d >= 0 for d in differences))
        paired = {"interval": interval(differences), "p_value": min(1, 2 * (smaller + 1) / (len(differences) + 1))}
    rows = {}
    for place, number in enumerate(numbers.tolist()):
        own = index == place
        against = own & (labels == 1) | (labels == 0)
        rows[str(number)] = {
            "normals": int((own & (labels == 0)).sum()), "anomalies": int((own & (labels == 1)).sum()),
            "auroc": auroc(labels[against], first[against]), "auroc_within": auroc(labels[own], first[own]),
        }
    return {
        "name": name, "first": first.tolist(), "second": second.tolist(), "classes": classes.tolist(), "groups": groups.tolist(),
        "intervals": intervals, "paired": paired, "rows": rows,
    }


def auroc(labels, scores):
    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else None


def cases():
    yield case("one normal below one anomaly", [0, 1], [0, 1])
    yield case("one normal above one anomaly", [1, 0], [0, 1])
    yield case("one normal equal to one anomaly", [0.5, 0.5], [0, 1])
    yield case("two zeros of either sign", [-0.0, 0.0, -1, 1], [0, 1, 0, 1])
    yield case("all scores equal", [3.25] * 7, [0, 1, 0, 2, 0, 0, 1])
    yield case("two values", [0, 1, 1, 0, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 2, 0, 2, 0])
    yield case("separated", range(8), [0, 0, 0, 0, 1, 1, 2, 2])
    yield case("reversed", range(8), [1, 1, 2, 2, 0, 0, 0, 0])
    yield case("extreme values", [-1.7e308, 5e-324, -5e-324, 1.7e308, 0, 1e-300], [0, 1, 0, 1, 0, 0])
    generator = np.random.default_rng(7)
    for size in (3, 4, 5, 6, 7, 8, 9):
        classes = generator.integers(0, 3, size)
        classes[:2] = 0, 1
        yield case(f"{size} samples, four values", generator.integers(0, 4, size) / 4, classes)
    classes = generator.choice(4, 1000, p=[0.7, 0.2, 0.09, 0.01])
    yield case("1000 random", generator.normal(classes * 0.8, 1), classes)
    classes = generator.choice(3, 1000, p=[0.9, 0.07, 0.03])
    yield case("1000 random with ties", np.round(generator.normal(classes, 1), 1), classes)
    classes = (generator.random(1200) < 0.05).astype(int)
    yield case("rare anomalies, well detected", np.round(generator.normal(4 * classes, 1), 3), classes)


def paired_cases():
    generator = np.random.default_rng(8)
    for size, steps, gain in ((8, 3, 0.2), (40, 5, 0.5), (300, 20, 0.3), (300, 1000, 1.0)):
        classes = generator.integers(0, 3, size)
        common = generator.normal(0.7 * classes, 1)
        first, second = common + generator.normal(gain * classes, 0.5), common + generator.normal(0, 0.5, size)
        yield paired(f"{size} samples in steps of 1/{steps}", np.round(first * steps) / steps, np.round(second * steps) / steps, classes)


def grouped_cases():
    generator = np.random.default_rng(9)

    def scores(classes, groups, steps):
        shift = dict(zip(sorted(set(groups)), generator.normal(0, 0.6, len(set(groups)))))
        first = np.round((classes + [shift[group] for group in groups] + generator.normal(0, 1, len(classes))) * steps) / steps
        return first, np.round((first + 0.3 * classes + generator.normal(0, 0.7, len(classes))) * steps) / steps

    classes, groups = generator.integers(0, 3, 60), generator.choice([-5, 0, 7, 12, 30, 31, 400, 10**12], 60)
    yield grouped("scans with normals and anomalies, many ties", *scores(classes, groups, 2), classes, groups)
    groups = generator.integers(0, 25, 400)
    classes = np.where(groups < 18, 0, 1 + groups % 2)
    classes[groups == 24] = 3
    yield grouped("patients healthy or ill, one class in one patient", *scores(classes, groups, 1000), classes, groups)
    classes = np.array([0] * 6 + [1] * 6)
    groups = np.array([4] * 6 + [1, 1, 2, 2, 3, 4])
    yield grouped("all normals in one group", *scores(classes, groups, 1), classes, groups)
    yield grouped("all scores equal", [1] * 12, [2] * 12, [0, 1] * 6, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    classes, groups = (generator.random(300) < 0.1).astype(int), generator.integers(0, 40, 300)
    yield grouped("rare anomalies", *scores(classes, groups, 20), classes, groups)


versions = f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
document = {"made_by": versions, "cases": list(cases()), "paired": list(paired_cases()), "grouped": list(grouped_cases())}
print(json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"'))
