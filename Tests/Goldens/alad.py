"""Golden steps of ALAD in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 6).

    python3 alad.py             alad-images.safetensors, alad-released.safetensors, alad-vectors.safetensors
"""
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks

SETTINGS = {
    "images": {"sample": [16, 20, 2], "latent": 2, "width": 2, "hidden": 4, "variant": "default"},
    "released": {"sample": [20, 16, 2], "latent": 2, "width": 2, "hidden": 4, "variant": "released", "steps": 2},
    "vectors": {"sample": [7], "latent": 3, "width": 2, "hidden": 2, "variant": "default"},
}
COMMON = {"detector": "alad", "minibatch": 5, "microbatch": 2, "steps": 5, "rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8,
          "averageDecay": 0.75, "averaged": ["encoder", "generator", "sampleDiscriminator"], "scored": 4}
NORM = {"eps": 1e-3, "momentum": 0.01}


class Spectral:
    """Weights over their largest singular value by one power iteration an application, which training keeps. Ours are matrices of
    everything but outputs by outputs; torch has outputs first."""
    through = False

    def normalized(self):
        w = golden.ours(self, self.weight).reshape(-1, len(self.weight))
        v = w @ self.vector
        v = v / (v.norm() + 1e-12)
        u = w.T @ v
        u = u / (u.norm() + 1e-12)
        if not self.through:
            u, v = u.detach(), v.detach()
        if self.training:
            self.vector = u.detach().clone()
        return self.weight / (v @ w @ u)


class Conv(Spectral, nn.Conv2d):
    def __init__(self, *arguments, same=(), **options):
        super().__init__(*arguments, **options)
        self.same = same  # zeros that convolutions do not add by themselves
        self.register_buffer("vector", torch.randn(self.out_channels))

    def forward(self, x):
        return F.conv2d(F.pad(x, self.same) if self.same else x, self.normalized(), self.bias, self.stride, self.padding)


class Dense(Spectral, nn.Linear):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.register_buffer("vector", torch.randn(self.out_features))

    def forward(self, x):
        return F.linear(x, self.normalized(), self.bias)


golden.ROLES |= {Conv: {"vector": "spectral.vector"}, Dense: {"vector": "spectral.vector"}}


class Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


def images(sample, latent, width, hidden, variant, noises):
    """The networks of 32×32 for sides that halve twice, with 128 as `width`, 1024 as `hidden`."""
    height, breadth, channels = sample
    grid, cells = (height // 4, breadth // 4), height // 4 * (breadth // 4)
    beside = variant == "default"

    def halving(a, b):
        return Conv(a, b, 4, 2, 1)

    def judge(*layers):
        return [m for layer in layers for m in (layer, nn.LeakyReLU(0.2), networks.Dropout(0.2, noises))]

    return {
        "encoder": nn.Sequential(
            halving(channels, width), nn.BatchNorm2d(width, **NORM), nn.LeakyReLU(0.2),
            halving(width, 2 * width), nn.BatchNorm2d(2 * width, **NORM), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, latent, grid), Reshape(latent)),
        "generator": nn.Sequential(
            Reshape(latent, 1, 1), nn.ConvTranspose2d(latent, 2 * width, grid), nn.BatchNorm2d(2 * width, **NORM), nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.BatchNorm2d(width, **NORM), nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()),
        "pairDiscriminator.sample": nn.Sequential(
            halving(channels, width), nn.LeakyReLU(0.2), halving(width, 2 * width), nn.BatchNorm2d(2 * width, **NORM), nn.LeakyReLU(0.2),
            networks.ChannelsLast()),
        "pairDiscriminator.code": nn.Sequential(*judge(Dense(latent, hidden // 2), Dense(hidden // 2, hidden // 2))),
        "pairDiscriminator.joint": nn.Sequential(*judge(Dense(cells * 2 * width + hidden // 2, hidden))),
        "pairDiscriminator.head": nn.Linear(hidden, 1),
        "sampleDiscriminator.trunk": nn.Sequential(
            *judge(Conv(2 * channels if beside else channels, width // 2, 5, 2, same=(1, 2, 1, 2))), networks.ChannelsLast()),
        "sampleDiscriminator.head": nn.Linear(4 * cells * (width // 2) * (1 if beside else 2), 1),
        "codeDiscriminator.trunk": nn.Sequential(*judge(Dense(2 * latent, width // 2), Dense(width // 2, max(1, width // 4)))),
        "codeDiscriminator.head": nn.Linear(max(1, width // 4), 1),
    }


def vectors(features, latent, width, noises):
    """KDD99's, with 64 as `width`."""

    def judge(a, b, rate):
        return nn.Sequential(nn.Linear(a, b), nn.LeakyReLU(0.2), networks.Dropout(rate, noises))

    return {
        "encoder": nn.Sequential(nn.Linear(features, width), nn.LeakyReLU(0.2), nn.Linear(width, latent)),
        "generator": nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, features)),
        "pairDiscriminator.sample": nn.Sequential(nn.Linear(features, 2 * width), nn.BatchNorm1d(2 * width, **NORM), nn.LeakyReLU(0.2)),
        "pairDiscriminator.code": judge(latent, 2 * width, 0.5), "pairDiscriminator.joint": judge(4 * width, 2 * width, 0.5),
        "pairDiscriminator.head": nn.Linear(2 * width, 1),
        "sampleDiscriminator.trunk": judge(2 * features, 2 * width, 0.2), "sampleDiscriminator.head": nn.Linear(2 * width, 1),
        "codeDiscriminator.trunk": judge(2 * latent, width // 2, 0.2), "codeDiscriminator.head": nn.Linear(width // 2, 1),
    }


def bce(logits, target, reduction="mean"):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction=reduction)


class Model:
    def __init__(self, nets, variant, axis):
        self.nets, self.variant, self.axis = nets, variant, axis

    def of(self, name):
        return [network for own, network in self.nets.items() if own.split(".")[0] == name]

    def pair(self, x, z):
        parts = self.nets["pairDiscriminator.sample"](x), self.nets["pairDiscriminator.code"](z)
        return self.nets["pairDiscriminator.head"](self.nets["pairDiscriminator.joint"](torch.cat(parts, 1)))

    def twin_features(self, a, b, prefix=""):
        return self.nets[prefix + "sampleDiscriminator.trunk"](torch.cat([a, b], self.axis))

    def twin(self, a, b, prefix=""):
        return self.nets[prefix + "sampleDiscriminator.head"](self.twin_features(a, b, prefix))

    def codes(self, a, b):
        return self.nets["codeDiscriminator.head"](self.nets["codeDiscriminator.trunk"](torch.cat([a, b], 1)))

    def cycles(self, x, z):
        G, E = self.nets["generator"], self.nets["encoder"]
        image, code = G(z), E(x)
        return image, code, G(code), E(image)

    def judged(self, x, z, image, code, image_back, code_back):
        """The six logits, in the order in which draws are asked for."""
        return {"real": self.pair(x, code), "fake": self.pair(image, z), "same x": self.twin(x, x), "other x": self.twin(x, image_back),
                "same z": self.codes(z, z), "other z": self.codes(z, code_back)}


DISCRIMINATORS = "pairDiscriminator", "sampleDiscriminator", "codeDiscriminator"


def round_of(model, adams, x, again, noises, latent):
    """Section 6 (e)."""
    gradients = {}

    def move(losses):
        found = {name: torch.autograd.grad(loss, adams[name].parameters, retain_graph=True) for name, loss in losses.items()}
        for name, own in found.items():
            gradients.update(zip(adams[name].parameters, own))
            adams[name].step(own)

    z = noises.normal(len(x), latent)
    with networks.frozen(*model.of("generator"), *model.of("encoder")):
        made = model.cycles(x, z)
    l = model.judged(x, z, *made)
    losses = {"pairDiscriminator": bce(l["real"], 1.0) + bce(l["fake"], 0.0), "sampleDiscriminator": bce(l["same x"], 1.0) + bce(l["other x"], 0.0),
              "codeDiscriminator": bce(l["same z"], 1.0) + bce(l["other z"], 0.0)}
    move(losses)

    z = noises.normal(len(again), latent)
    made = model.cycles(again, z)
    with networks.frozen(*[network for name in DISCRIMINATORS for network in model.of(name)]):
        l = model.judged(again, z, *made)
    cycle = bce(l["same x"], 0.0) + bce(l["other x"], 1.0) + bce(l["same z"], 0.0) + bce(l["other z"], 1.0)
    both = {"generator": bce(l["fake"], 1.0) + cycle, "encoder": bce(l["real"], 0.0) + cycle}
    move(both)
    return losses | both, gradients


def score(x, model, kinks):
    for network in model.nets.values():
        network.eval()
    with torch.no_grad():
        y = model.nets["averages.generator"](model.nets["averages.encoder"](x))
        same, other = model.twin_features(x, x, "averages."), model.twin_features(x, y, "averages.")
        kinks.meet(x - y)
        kinks.meet(same - other)
        difference = (x - y).flatten(1)
        scores = {"featureMatching": (same - other).abs().sum(1), "logit": bce(model.twin(x, y, "averages."), 1.0, "none")[:, 0],
                  "l1": difference.abs().sum(1), "l2": difference.square().sum(1).sqrt()}
        return scores | ({"residual": (x - y).abs().mean(1)} if x.dim() == 4 else {})


def run(kind, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    settings = {"seed": seed} | COMMON | SETTINGS[kind]
    torch.manual_seed(seed)
    sample, latent, noises = settings["sample"], settings["latent"], networks.Noises()
    Spectral.through = settings["variant"] == "released"
    if kind == "vectors":
        nets = vectors(sample[0], latent, settings["width"], noises)
    else:
        nets = images(sample, latent, settings["width"], settings["hidden"], settings["variant"], noises)
    golden.initialize(nets, deviation=0.3)
    averaged = {name: network for name, network in nets.items() if name.split(".")[0] in settings["averaged"]}
    copies = networks.averages(averaged)
    model = Model(nets | copies, settings["variant"], 2 if settings["variant"] == "released" else 1)
    kinks, together = networks.Kinks(model.nets), [0]
    adams = {name: networks.Adam([p for network in model.of(name) for p in network.parameters()], settings["rate"], settings["beta1"], settings["beta2"],
                                 settings["epsilon"], together if settings["variant"] == "released" else [0])
             for name in (*DISCRIMINATORS, "generator", "encoder")}

    def draw(samples):
        shape = (samples, *sample) if len(sample) == 1 else (samples, sample[2], *sample[:2])
        return golden.coarse(torch.rand(shape) * 2 - 1)

    recipe = {"latent": "latent", "width": "width", "hidden": "hidden", "learningRate": "rate", "averageDecay": "averageDecay"}
    record = networks.Record(nets, settings, recipe)  # the averages follow from the variables
    for number in range(settings["steps"]):
        x, again = draw(settings["minibatch"]), draw(settings["minibatch"])
        losses, gradients = round_of(model, adams, x, again, noises, latent)
        networks.follow(copies, averaged, settings["averageDecay"])
        record.inputs(number, [x, again], noises.take())
        record.outcome(number, losses, gradients, adams.values())
    x = draw(settings["scored"])
    record.input("scored", golden.images(x) if x.dim() == 4 else x)
    record.put("score", score(x, model, kinks))
    return record if kinks.least > 1e-5 else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for kind in SETTINGS:
        record = next(filter(None, (run(kind, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"alad-{kind}.safetensors"))
