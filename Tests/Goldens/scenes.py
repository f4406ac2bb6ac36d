"""What detectors of scenes give of a small made scene, by NumPy, SciPy and scikit-image in float64, written from the specification.

    python3 scenes.py > scenes.json

The scene: smooth spectra mixed by smooth abundances, noise from a fixed formula, two small targets; whole numbers of 16 bits, so that it
is the same everywhere. Detectors work on it scaled by its smallest and largest number to [0, 1].
"""
import json
import sys

import numpy as np
import scipy
import skimage
from scipy.ndimage import grey_dilation, uniform_filter
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import area_closing, area_opening

ROWS, COLUMNS, BANDS = 21, 18, 8


def noise(n):
    """Numbers without pattern from 0 to 1, by integers alone."""
    k = np.arange(n, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 32)
    k = (k ^ (k >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(1 << 32)
    return ((k ^ (k >> np.uint64(13))) % np.uint64(1000)).astype(np.float64) / 1000


def made():
    i, j, b = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), np.arange(BANDS), indexing="ij")
    share = (i * COLUMNS + 3 * j * j) % 97 / 97 * 0.3 + (i + j) / (ROWS + COLUMNS) * 0.7
    cube = 900 * share * (2 + b) / BANDS + 700 * (1 - share) * (1 - (b - 3) ** 2 / 40) + 60 * noise(i.size).reshape(i.shape)
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[4:6, 11], mask[15, 5:7] = True, True
    cube[mask] = 0.4 * cube[mask] + 0.6 * np.array([200, 900, 150, 800, 100, 950, 300, 700])
    return np.round(cube).astype(np.int64), mask


def unit(a):
    return (a - a.min()) / (a.max() - a.min())


def rx(x):
    flat = x.reshape(-1, BANDS)
    mean = flat.mean(0)
    return np.einsum("nb,bc,nc->n", flat - mean, np.linalg.inv((flat - mean).T @ (flat - mean) / len(flat)), flat - mean)


def rings(x, outer, inner):
    """Each pixel with those between its windows: the outer one moved inside the scene, the inner one cut off at the border."""
    for i in range(ROWS):
        for j in range(COLUMNS):
            top, left = min(max(i - outer // 2, 0), ROWS - outer), min(max(j - outer // 2, 0), COLUMNS - outer)
            ring = np.ones((ROWS, COLUMNS), bool)
            ring[max(i - inner // 2, 0) : i + inner // 2 + 1, max(j - inner // 2, 0) : j + inner // 2 + 1] = False
            window = np.zeros_like(ring)
            window[top : top + outer, left : left + outer] = True
            yield x[i, j], x[ring & window]


def local_rx(x, outer, inner, ridge=1e-5, centered=True):
    scores = []
    for y, ring in rings(x, outer, inner):
        mean = ring.mean(0) if centered else np.zeros(BANDS)
        matrix = (ring - mean).T @ (ring - mean) / (len(ring) if centered else 1) + ridge * np.eye(BANDS)
        scores.append((y - mean) @ np.linalg.solve(matrix, y - mean))
    return np.array(scores)


def crd(x, outer, inner, weight):
    scores = []
    for y, ring in rings(x, outer, inner):
        augmented, target = np.vstack([ring.T, np.ones(len(ring))]), np.append(y, 1)
        gamma = np.diag(np.linalg.norm(ring - y, axis=1))
        alpha = np.linalg.solve(augmented.T @ augmented + weight * gamma.T @ gamma, augmented.T @ target)
        scores.append(np.linalg.norm(y - ring.T @ alpha))
    return np.array(scores)


def components(x, count):
    flat = x.reshape(-1, BANDS) - x.reshape(-1, BANDS).mean(0)
    vectors = np.linalg.eigh(flat.T @ flat / len(flat))[1][:, ::-1][:, :count]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), range(count)])
    return flat @ vectors, vectors


def domain_filter(image, guides, spatial, span, iterations=3):
    def recurse(image, weights):
        image = image.copy()
        for k in range(1, image.shape[1]):
            image[:, k] += weights[:, k] * (image[:, k - 1] - image[:, k])
        for k in range(image.shape[1] - 2, -1, -1):
            image[:, k] += weights[:, k + 1] * (image[:, k + 1] - image[:, k])
        return image

    steps = [1 + spatial / span * np.pad(np.abs(np.diff(guides, axis=axis)).sum(-1), [(axis == 0, 0), (axis == 1, 0)]) for axis in (0, 1)]
    for k in range(1, iterations + 1):
        sigma = spatial * np.sqrt(3) * 2 ** (iterations - k) / np.sqrt(4**iterations - 1)
        a = np.exp(-np.sqrt(2) / sigma)
        image = recurse(recurse(image, a ** steps[1]).T, (a ** steps[0]).T).T
    return image


def aed(x, area, spatial, span):
    guides = np.stack([unit(c) for c in components(x, 3)[0].T.reshape(3, ROWS, COLUMNS)], -1)
    levels = np.round(guides * 1000).astype(np.int64)
    difference = np.stack([area_closing(c, area, connectivity=1) - area_opening(c, area, connectivity=1) for c in np.moveaxis(levels, -1, 0)], -1)
    difference, detected = unit(difference.astype(np.float64)), np.zeros((ROWS, COLUMNS))
    for c in np.moveaxis(difference, -1, 0):
        dilated = grey_dilation(c, size=(2, 2), mode="nearest")
        regions = label(dilated > threshold_otsu(dilated, nbins=256), connectivity=2)
        sizes = np.bincount(regions.ravel())
        kept = sizes <= max(1, ROWS * COLUMNS // 100)
        kept[0] = False
        detected += np.where(kept[regions], c, 0)
    return domain_filter(unit(detected), guides, spatial, span).ravel(), difference.sum(-1).ravel()


def box(a, radius):
    """The mean over windows; beyond the image its border goes on."""
    return uniform_filter(a, 2 * radius + 1, mode="nearest")


def guided(image, radius, epsilon):
    mean = box(image, radius)
    variance = box(image * image, radius) - mean * mean
    slope = variance / (variance + epsilon)
    return box(slope, radius) * image + box(mean - slope * mean, radius)


def hadgan(x, codes, area=25, bands=3, radius=1, epsilon=1e-2, weight=0.5):
    """The scores of the residual that principal components leave, in place of the networks'."""
    scores, vectors = components(x, codes)
    residual = np.abs(x.reshape(-1, BANDS) - x.reshape(-1, BANDS).mean(0) - scores @ vectors.T)
    mean = residual.mean(0)
    covariance = (residual - mean).T @ (residual - mean) / len(residual)
    covariance += 1e-6 * np.trace(covariance) / BANDS * np.eye(BANDS)
    spectral = np.einsum("nb,bc,nc->n", residual - mean, np.linalg.inv(covariance), residual - mean)
    response = np.zeros((ROWS, COLUMNS))
    for band in np.argsort((residual**2).sum(0), kind="stable")[:bands]:
        image = np.round(1000 * unit(residual[:, band])).astype(np.int64).reshape(ROWS, COLUMNS)
        response += np.abs(image - area_opening(image, area, connectivity=1)) + np.abs(area_closing(image, area, connectivity=1) - image)
    spatial = guided(unit(response / bands), radius, epsilon).ravel()
    return {"D_SS": weight * unit(spatial) + (1 - weight) * unit(spectral), "D_spectral": spectral, "D_spatial": spatial, "residual": np.linalg.norm(residual, axis=1)}


cube, mask = made()
x = unit(cube.astype(np.float64))
aed_scores = aed(x, 9, 5, 0.5)
surrogate = hadgan(x, 2, area=7)
scores = {
    "rx": {"rx": rx(x)},
    "local-rx outer=7 inner=3": {"local-rx": local_rx(x, 7, 3)},
    "local-rx outer=7 inner=3 centered=false": {"local-rx": local_rx(x, 7, 3, centered=False)},
    "crd outer=5 inner=3": {"crd": crd(x, 5, 3, 1e-6)},
    "crd outer=5 inner=3 lambda=0.01": {"crd": crd(x, 5, 3, 1e-2)},
    "aed area=9": {"aed": aed_scores[0], "difference": aed_scores[1]},
    "hadgan-linear latent=2 area=7": surrogate,
}
json.dump(
    {
        "versions": {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__, "scikit-image": skimage.__version__},
        "rows": ROWS, "columns": COLUMNS, "bands": BANDS, "cube": cube.ravel().tolist(), "mask": mask.astype(int).ravel().tolist(),
        "scores": {k: {n: [float(f"{v:.9g}") for v in s] for n, s in d.items()} for k, d in scores.items()},
    },
    sys.stdout, separators=(",", ":"),
)
print()
