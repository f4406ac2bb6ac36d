"""Writes metrics.json: scores, classes and what scikit-learn (and, for DeLong's interval, the definition) makes of them.

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


versions = f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
document = {"made_by": versions, "cases": list(cases()), "paired": list(paired_cases())}
print(json.dumps(document, separators=(",", ":")).replace('{"name"', '\n{"name"'))
