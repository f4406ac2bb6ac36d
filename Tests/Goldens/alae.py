"""Golden steps of ALAE in float64 PyTorch, written from the specification (detectors/ae-family.md, 0 and 7).

    python3 alae.py    alae-vectors.safetensors, alae-images.safetensors: dense layers and convolutions
"""
import itertools
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks as shared

SETTINGS = {  # settings: as a recipe has them
    "vectors": {"sample": [7], "settings": {"latent": 3, "width": 4, "mappingLayers": 2}},
    "images": {"sample": [8, 12, 2], "settings": {"networks": "convolutional", "latent": 3, "width": 2, "widest": 3, "mappingLayers": 2}},
}
COMMON = {"detector": "alae", "variant": "default", "minibatch": 5, "microbatch": 3, "scored": 4, "averageDecay": 0.75,
          "averaged": ["mapping", "generator", "encoder", "discriminator"]}
OWN = {"averageDecay": 0.75, "priorDraws": 2, "shrinkage": 0.25}
STEPS, GAMMA, MIXING = 5, 10, 0.9


class LREQAdam:
    """Adam without a first moment. A parameter's step count is its own; its change is multiplied by its scale."""

    def __init__(self, parameters, rate, scales, beta2=0.99, epsilon=1e-8):
        self.scales = {p: scales[name] for name, p in parameters.items()}
        self.defaults = {"rate": rate, "beta2": beta2, "epsilon": epsilon, "scales": scales}
        self.state = {p: {"second": torch.zeros_like(p)} for p in self.scales}
        self.count = 0

    def step(self):
        rate, beta2, epsilon = self.defaults["rate"], self.defaults["beta2"], self.defaults["epsilon"]
        self.count += 1
        with torch.no_grad():
            for p, scale in self.scales.items():
                second = self.state[p]["second"]
                second.copy_(beta2 * second + (1 - beta2) * p.grad * p.grad)
                p -= scale * rate * p.grad / ((second / (1 - beta2 ** self.count)).sqrt() + epsilon)


class Injection(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.noise, self.bias = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))


class Constant(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.constant = nn.Parameter(torch.ones(*shape))


def parts(sample, own):
    """All layers by name, with each layer's gain and multiplier; those without are moved as they are."""
    d, found, rates = own["latent"], {}, {}

    def add(name, layer, gain=math.sqrt(2), multiplier=1.0):
        found[name], rates[name] = layer, (gain, multiplier)

    def chain(name, sizes, multiplier=1.0):
        for number, (a, b) in enumerate(zip(sizes, sizes[1:])):
            add(f"{name}.{number}", nn.Linear(a, b), multiplier=multiplier)

    chain("mapping", [d] * (own["mappingLayers"] + 1), 0.1)
    chain("discriminator", [d, d, d, 1], 0.1)
    if len(sample) == 1:
        w = own["width"]
        chain("generator", [d, w, w, sample[0]])
        chain("encoder", [sample[0], w, w, d])
        return found, rates
    height, width, channels = sample
    halvings = min(height, width).bit_length() - 2
    widths = [min(own["width"] << i, own["widest"]) for i in range(halvings + 1)]

    def conv(a, b, bias):
        return nn.Conv2d(a, b, 3, 1, 1, bias=bias)

    add("encoder.input", nn.Conv2d(channels, widths[0], 1))
    for number, (a, b) in enumerate(zip(widths, widths[1:])):
        here = f"encoder.blocks.{number}"
        add(f"{here}.first", conv(a, a, True))
        add(f"{here}.firstStyle", nn.Linear(2 * a, d), gain=1)
        add(f"{here}.second", conv(a, b, True))
        add(f"{here}.secondStyle", nn.Linear(2 * b, d), gain=1)
    found["generator"] = Constant(height >> halvings - 1, width >> halvings - 1, widths[-1])
    for number, (a, b) in enumerate(zip(widths[::-1], widths[-2::-1])):
        here, inner = f"generator.blocks.{number}", b if number else a
        if number:
            add(f"{here}.up", conv(a, b, False))
        add(f"{here}.second", conv(inner, b, False))
        for name, c in ("first", inner), ("last", b):
            found[f"{here}.{name}"] = Injection(c)
            add(f"{here}.{name}.style", nn.Linear(d, 2 * c), gain=1)
    add("generator.output", nn.Conv2d(widths[0], channels, 1), gain=0.03)
    return found, rates


def scales(found, rates):
    """By what the changes of parameters are multiplied."""
    result = {}
    for name, (layer, p) in golden.variables(found).items():
        gain, multiplier = rates.get(name.rsplit(".", 1)[0], (None, 1.0))
        is_weight = isinstance(layer, (nn.Linear, nn.Conv2d)) and p.dim() > 1
        result[name] = gain / math.sqrt(p[0].numel()) * multiplier if is_weight else multiplier
    return result


def blur(x):
    line = torch.tensor([1.0, 2, 1]) / 4
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


def unit(z):
    return z / (z.square().mean(-1, keepdim=True) + 1e-8).sqrt()


class Model:
    """The networks as functions of their layers."""

    def __init__(self, parts, kinks, noises, training):
        self.parts, self.kinks, self.noises, self.training = parts, kinks, noises, training
        self.blocks = len({name.split(".")[2] for name in parts if name.startswith("encoder.blocks.")})

    def act(self, x):
        return F.leaky_relu(self.kinks.note(x), 0.2)

    def chain(self, name, x, last):
        layers = [layer for key, layer in self.parts.items() if key.startswith(f"{name}.")]
        for layer in layers[:-1]:
            x = self.act(layer(x))
        return self.act(layers[-1](x)) if last else layers[-1](x)

    def F(self, z):
        return self.chain("mapping", unit(z), True)

    def D(self, w):
        for number in range(3):
            w = self.parts[f"discriminator.{number}"](w)
        return w[:, 0]

    def E(self, x):
        if not self.blocks:
            return self.chain("encoder", x, True)
        x, w = self.act(self.parts["encoder.input"](x)), 0
        for number in range(self.blocks):
            first, first_style, second, second_style = (
                self.parts[f"encoder.blocks.{number}.{name}"] for name in ("first", "firstStyle", "second", "secondStyle"))
            x = self.act(first(x))
            w = w + first_style(self.statistics(x))
            x = F.conv2d(blur(F.instance_norm(x, eps=1e-5)), second.weight, padding=1)
            x = self.act(F.avg_pool2d(x, 2) + second.bias[:, None, None])
            w = w + second_style(self.statistics(x))
            x = F.instance_norm(x, eps=1e-5)
        return w

    @staticmethod
    def statistics(x):
        mean = x.mean((2, 3))
        return torch.cat([mean, (x.var((2, 3), correction=0) + 1e-12).sqrt()], 1)

    def G(self, w, style=None):
        if not self.blocks:
            return self.chain("generator", w, False)
        style = style or (lambda layer: w)
        x = self.parts["generator"].constant.permute(2, 0, 1).expand(len(w), -1, -1, -1)
        for number in range(self.blocks):
            here = f"generator.blocks.{number}"
            if number:
                x = blur(self.parts[f"{here}.up"](F.interpolate(x, scale_factor=2, mode="nearest")))
            x = self.inject(f"{here}.first", x, style(2 * number))
            x = self.inject(f"{here}.last", self.parts[f"{here}.second"](x), style(2 * number + 1))
        return self.parts["generator.output"](x)

    def inject(self, name, x, w):
        part = self.parts[name]
        if self.training:
            x = x + self.noises.normal(len(x), 1, *x.shape[2:]) * part.noise[:, None, None]
        x = F.instance_norm(self.act(x + part.bias[:, None, None]), eps=1e-8)
        s0, s1 = self.parts[f"{name}.style"](w)[:, :, None, None].chunk(2, 1)
        return (s0 + 1) * x + s1


def scores(model, x, moments):
    """Scores that need no others' means, and codes' distance from `moments`."""
    w = model.E(x)
    y = model.G(w)
    v = model.E(y)
    difference = model.kinks.note(x - y).abs()
    found = {"pix": difference.flatten(1).mean(1), "lat": (w - v).square().mean(1), "crit": -model.D(w),
             "cyc": (v - model.E(model.G(v))).square().mean(1)}
    mean, covariance = moments
    apart = w - mean
    found["prior"] = (apart * torch.linalg.solve(covariance, apart.T).T).sum(1).sqrt()
    if x.dim() == 4:
        found["map"] = difference.mean(1, keepdim=True)
    return found


def run(kind, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    settings = COMMON | SETTINGS[kind] | {"seed": seed}
    own = settings["settings"] = settings["settings"] | OWN
    torch.manual_seed(seed)
    sample, d, n = settings["sample"], own["latent"], settings["minibatch"]
    nets, rates = parts(sample, own)
    golden.initialize(nets, deviation=0.5)
    kinks, noises = golden.Kinks(), shared.Noises()
    model = Model(nets, kinks, noises, training=True)
    copies = shared.averages(nets)
    factors, names = scales(nets, rates), {name: p for name, (_, p) in golden.variables(nets).items()}
    groups = {"encoder": ["encoder"], "discriminator": ["discriminator"], "generator": ["mapping", "generator"]}
    rate = 0.0015 if len(sample) == 3 else 0.002
    adams = {}
    for group, prefixes in groups.items():
        adams[group] = LREQAdam({name: p for name, p in names.items() if name.split(".")[0] in prefixes}, rate, factors)

    def draw(samples):
        shape = sample if len(sample) == 1 else [sample[2], *sample[:2]]
        return golden.coarse(torch.rand(samples, *shape) * 2 - 1)

    def code():
        return model.F(noises.normal(n, d))

    def made():
        w = code()
        if not model.blocks:
            return model.G(w)
        other, u, count = code(), noises.uniform(n)[:, None], 2 * model.blocks
        return model.G(w, lambda layer: torch.where(kinks.note(u - MIXING * layer / (count - 1)) < 0, other, w))

    def update(loss, *moved):
        found = golden.gradients(loss, [p for group in moved for p in adams[group].scales])
        for group in moved:
            adams[group].step()
        return found

    record = golden.Record(nets, settings)
    record.put("initial", {"priorMean": torch.zeros(d), "whitening": torch.zeros(d, d), "scoreMeans": torch.zeros(3), "scoreDeviations": torch.ones(3)})
    record.stage("training", [*adams.values()])
    for number in range(STEPS):
        x = draw(n)
        losses, given = {}, x.clone().requires_grad_()
        real = model.D(model.E(given))
        slope, = torch.autograd.grad(real.sum(), given, create_graph=True)
        losses["penalty"] = slope.square().flatten(1).sum(1).mean()
        fake = model.D(model.E(made().detach()))
        losses["discriminator"] = F.softplus(fake).mean() + F.softplus(-real).mean() + GAMMA / 2 * losses["penalty"]
        found = update(losses["discriminator"], "encoder", "discriminator")
        losses["generator"] = F.softplus(-model.D(model.E(made()))).mean()
        found |= update(losses["generator"], "generator")
        w = code()
        losses["latent"] = (model.E(model.G(w)) - w.detach()).square().mean()
        again = update(losses["latent"], "encoder", "generator")
        shared.follow(copies, nets, settings["averageDecay"])
        for group, adam in adams.items():
            record.put(f"step{number}/optimizer/{group}", {"power2": 0.99 ** adam.count})
        record.brief([x], noises.take(), losses, found, again)

    model = Model({name: copies[f"averages.{name}"] for name in nets}, kinks, noises, training=False)
    x, fitted, z = draw(settings["scored"]), draw(6), golden.coarse(torch.randn(6, own["priorDraws"], d))
    with torch.no_grad():
        codes = model.F(z).flatten(0, 1)
        mean, s = codes.mean(0), own["shrinkage"]
        covariance = (codes - mean).T @ (codes - mean) / len(codes)
        moments = mean, (1 - s) * covariance + s * covariance.trace() / d * torch.eye(d)
        summed = scores(model, fitted, moments)
        found = scores(model, x, moments)
        found["combined"] = sum((found[k] - summed[k].mean()) / summed[k].std(correction=0) for k in ("pix", "lat", "prior"))
    record.finish(x, found)
    record.input("fit/samples", golden.images(fitted) if fitted.dim() == 4 else fitted)
    record.input("fit/noise0", z)
    return record if kinks.nearest > kinks.limit else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for kind in SETTINGS:
        record = next(filter(None, (run(kind, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"alae-{kind}.safetensors"))
