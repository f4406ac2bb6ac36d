"""Checks the golden steps of GANomaly by a second program: plain numpy on what the files hold, in our layouts.

    python3 ganomaly_check.py

Losses, running statistics, Adam's moves and the scores are recomputed for every step. Gradients are compared with
complex-step derivatives (exact to rounding: no difference is formed) at a few elements of every parameter. Then, at full
width, the parameter counts of the specification's table, and what PyTorch draws where anomalib leaves it its defaults.
"""
import json
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import safe_open

import ganomaly

TABLE = {  # side, channels: encoder, decoder, discriminator
    (32, 1): (1_066_752, 1_066_880, 661_248), (32, 3): (1_068_800, 1_068_928, 663_296), (32, 12): (1_078_016, 1_078_144, 672_512),
    (64, 1): (3_574_528, 3_574_656, 2_763_520), (64, 3): (3_576_576, 3_576_704, 2_765_568), (64, 12): (3_585_792, 3_585_920, 2_774_784),
    (128, 1): (12_784_384, 12_784_512, 11_162_368), (128, 3): (12_786_432, 12_786_560, 11_164_416),
    (128, 12): (12_795_648, 12_795_776, 11_173_632),
}
H = 1e-30  # the complex step


def convolve(x, w, stride, padding):
    """x [n, height, width, big], w [kernel height, kernel width, big, small]."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(x, w.shape[:2], (1, 2))[:, ::stride, ::stride]
    return np.tensordot(windows, w, ((4, 5, 3), (0, 1, 2)))


def spread(y, w, stride, padding):
    """The transposed convolution: each number of y [n, height, width, small] lays down its kernel."""
    (kh, kw, big, _), (n, h, v, _) = w.shape, y.shape
    x = np.zeros((n, (h - 1) * stride + kh, (v - 1) * stride + kw, big), y.dtype if np.iscomplexobj(y) else w.dtype)
    for i in range(kh):
        for j in range(kw):
            x[:, i : i + h * stride : stride, j : j + v * stride : stride] += y @ w[i, j].T
    return x[:, padding : x.shape[1] - padding, padding : x.shape[2] - padding]


class Run:
    """One pass of the networks on given variables; notes running statistics and how near a kink numbers come."""

    def __init__(self, variables, first, training=True):
        """`first`: the padding of the first convolution."""
        self.v, self.first, self.training, self.moved, self.margin = variables, first, training, {}, np.inf
        self.halvings = sum(name.startswith("features") and name.endswith("scale") for name in variables)  # after the first

    def rectify(self, x, slope):
        numbers = np.abs(x.real)
        # what is 0 but for nothing sees zeros alone, those around an image: it has no slope to be in doubt of
        self.margin = min(self.margin, numbers[numbers > 0].min())
        return np.where(x.real > 0, x, slope * x)

    def norm(self, name, x):
        mean, variance = (self.moved.get(f"{name}.{s}", self.v[f"{name}.{s}"]) for s in ("mean", "variance"))
        if self.training:
            count = x[..., 0].size
            batch = x.mean((0, 1, 2)), ((x - x.mean((0, 1, 2))) ** 2).mean((0, 1, 2))
            self.moved[f"{name}.mean"] = 0.9 * mean + 0.1 * batch[0]
            self.moved[f"{name}.variance"] = 0.9 * variance + 0.1 * batch[1] * count / (count - 1)
            mean, variance = batch
        return self.v[f"{name}.scale"] * (x - mean) / np.sqrt(variance + 1e-5) + self.v[f"{name}.shift"]

    def trunk(self, name, x):
        x = self.rectify(convolve(x, self.v[f"{name}.0.weight"], 2, self.first), 0.2)
        for layer in range(1, 2 * self.halvings, 2):
            x = self.rectify(self.norm(f"{name}.{layer + 1}", convolve(x, self.v[f"{name}.{layer}.weight"], 2, 1)), 0.2)
        return x

    def encode(self, name, x):
        return convolve(self.trunk(name, x), self.v[f"{name}.{2 * self.halvings + 1}.weight"], 1, 0)

    def decode(self, z):
        y = self.rectify(self.norm("decoder.1", spread(z, self.v["decoder.0.weight"], 1, 0)), 0)
        for layer in range(2, 2 * self.halvings + 2, 2):
            y = self.rectify(self.norm(f"decoder.{layer + 1}", spread(y, self.v[f"decoder.{layer}.weight"], 2, 1)), 0)
        return np.tanh(spread(y, self.v[f"decoder.{2 * self.halvings + 2}.weight"], 2, 1))

    def logit(self, features):
        return convolve(features, self.v["head.weight"], 1, 0)


def bce(logits, target):
    return (np.where(logits.real > 0, logits, 0) - logits * target + np.log(1 + np.exp(np.where(logits.real > 0, -logits, logits)))).mean()


def smooth(d):
    """Smooth L1 with β 1."""
    return np.where(np.abs(d.real) < 1, d**2 / 2, np.where(d.real > 0, d, -d) - 0.5)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def framed(x, settings):
    """anomalib: amid zeros, up to a square of a power of two."""
    if settings["variant"] != "anomalib":
        return x, (slice(None), slice(None))
    side = next(2**k for k in range(20) if 2**k >= max(x.shape[1:3]))
    around = [(-(-(side - n) // 2), (side - n) // 2) for n in x.shape[1:3]]
    return np.pad(x, ((0, 0), *around, (0, 0))), tuple(slice(before, side - after) for before, after in around)


def first(settings):
    return 4 if settings["variant"] == "anomalib" else 1


def losses(variables, x, settings, after):
    """All losses of a step, and the run that made them. `after`: the variables after it, for a G that meets the updated D."""
    run, variant = Run(variables, first(settings)), settings["variant"]
    x, _ = framed(x, settings)
    z = run.encode("encoder", x)
    y = run.decode(z)
    w = run.encode("reencoder", y)
    real, fake = run.trunk("features", x), run.trunk("features", y)
    found = {"contextual": run.rectify(x - y, -1).mean(), "encoding": (smooth(z - w) if variant == "anomalib" else (z - w) ** 2).mean()}
    halves, distance = bce(run.logit(real), 1) + bce(run.logit(fake), 0), ((real - fake) ** 2).mean()
    if variant.startswith("released-2018"):
        moved = {k: after[k] for k in after if k.startswith(("features", "head")) and not k.endswith(("mean", "variance"))}
        updated = Run(variables | run.moved | moved, run.first)
        found["adversarial"] = bce(updated.logit(updated.trunk("features", y)), 1)
        found["discriminator"] = halves if variant == "released-2018-07" else distance
        run.moved, run.margin = run.moved | updated.moved, min(run.margin, updated.margin)
    else:
        found |= {"adversarial": distance, "discriminator": halves / 2}
        if variant == "released-2019-08":
            found["adversarial"] = distance.real  # no derivative
        elif variant == "anomalib":
            found["adversarial"] = ((sigmoid(run.logit(real)) - sigmoid(run.logit(fake))) ** 2).mean()
    found["generator"] = sum(settings["weights"][name] * found[name] for name in settings["weights"])
    return found, run, y


def close(found, expected, what, tolerance=1e-12):
    """The largest difference, in units of the largest expected number."""
    error = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300)
    assert error < tolerance, f"{what}: off by {error:.1e} of the largest"
    return error


def check_step(g, before, moments, number, settings, random):
    here, stored = f"step{number}", g.under(f"step{number}/variable")
    x, gradients = g.inputs(f"{here}/minibatch0"), g.under(f"{here}/gradient")
    after = before | stored
    for name, gradient in gradients.items():
        first, second = moments.get(name, (0, 0))
        first, second = moments[name] = 0.5 * first + 0.5 * gradient, 0.999 * second + 0.001 * gradient**2
        m, v = first / (1 - 0.5 ** (number + 1)), second / (1 - 0.999 ** (number + 1))
        after[name] = before[name] - 2e-4 * m / (np.sqrt(v) + 1e-8)
        if name in stored:  # after the last step
            close(after[name], stored[name], f"{here} {name}", 1e-13)
    found, run, y = losses(before, x, settings, after)
    worst = max(close(found[k], e, f"{here} {k}") for k, e in g.under(f"{here}/loss").items())
    for name, statistic in run.moved.items():
        close(statistic, after[name], f"{here} {name}")
    assert run.margin > 1e-5, f"{here}: a number {run.margin:.0e} from a kink, where float32 may land on the other side"
    slopes = 0
    for name, gradient in gradients.items():
        loss, error = "discriminator" if name.startswith(("features", "head")) else "generator", 0
        for place in random.choice(gradient.size, min(4, gradient.size), replace=False):
            bent = before[name].astype(complex)
            bent.flat[place] += 1j * H
            slope = losses(before | {name: bent}, x, settings, after)[0][loss].imag / H
            error = max(error, abs(slope - gradient.flat[place]))
        assert error < 1e-11 * np.abs(gradient).max(), f"{here} gradient {name}: {error}"
        slopes = max(slopes, error / np.abs(gradient).max())
    still = {"head.weight"} if settings["variant"] == "released-2018-10" else set()
    assert all(np.array_equal(after[name], before[name]) for name in still)
    assert set(after) == set(gradients) | set(run.moved) | still, "every variable is a parameter or a running statistic"
    print(f"  {here}: " + ", ".join(f"{k} {v:.5f}" for k, v in found.items()))
    print(f"    off by at most {worst:.0e} (losses), {slopes:.0e} (gradients); nearest kink {run.margin:.0e}, |x̂| up to {np.abs(y).max():.2f}")
    return after


class File:
    def __init__(self, path):
        import torch  # for the minibatches: numpy has no 8-bit floating point

        with safe_open(path, "pt") as file:
            self.settings = json.loads(file.metadata()["golden"])["settings"]
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        assert all(t.dtype in (torch.float64, torch.float8_e5m2) for t in self.tensors.values())

    def __getitem__(self, name):
        return self.tensors[name].numpy()

    def inputs(self, name):
        return self.tensors[name].double().numpy()

    def under(self, prefix):
        return {name[len(prefix) + 1 :]: self[name] for name in self.tensors if name.startswith(prefix + "/")}


def check(path):
    g, random, moments = File(path), np.random.default_rng(0), {}
    print(path.name)
    state = g.under("initial")
    for number in range(g.settings["stages"][0]["steps"]):
        state = check_step(g, state, moments, number, g.settings, random)
    run, x = Run(state, first(g.settings), training=False), g.inputs("scored")
    image, (rows, columns) = framed(x, g.settings)
    z = run.encode("encoder", image)
    y = run.decode(z)
    difference = (z - run.encode("reencoder", y)).reshape(len(x), -1)
    y = y[:, rows, columns]
    scores = {"latentL1": np.abs(difference).sum(1), "latentL2": (difference**2).mean(1), "map": np.abs(x - y).mean(3)}
    print("  scores: " + ", ".join(f"{k} off by {close(v, g[f'score/{k}'], k):.0e}" for k, v in scores.items()))


def count(module):
    return sum(p.numel() for p in module.parameters())


def check_defaults():
    """What anomalib's weights begin from: uniform on ±1/√n, n the kernel's elements times the channels of its larger image,
    in torch's layout the last three axes of both kinds; batch norm's scales 1."""
    drawn = 0
    for network in ganomaly.networks(48, 64, 12, 64, 100, "anomalib").values():
        for p in network.parameters():
            p = p.detach().numpy()
            if p.ndim == 1:
                assert set(np.unique(p)) <= {0, 1}
                continue
            bound, drawn = p[0].size ** -0.5, drawn + 1
            assert 0.99 * bound < np.abs(p).max() <= bound * (1 + 1e-6) and abs(p.var() * 3 / bound**2 - 1) < 0.1
    print(f"PyTorch's defaults: {drawn} kernels")


if __name__ == "__main__":
    for file in sorted(Path(__file__).parent.glob("ganomaly*.safetensors")):
        check(file)
    for (side, channels), expected in TABLE.items():
        for variant, sample in (("default", (side, side)), ("anomalib", (side, side)), ("anomalib", (3, side - 5))):
            nets = ganomaly.networks(*sample, channels, 64, 100, variant)
            counts = {name: count(network) for name, network in nets.items()}
            found = counts["encoder"], counts["decoder"], counts["features"] + counts["head"]
            assert found == expected and counts["reencoder"] == expected[0], (variant, sample, channels, found)
    print(f"parameter counts: {len(TABLE)} rows of the table")
    check_defaults()
