"""Golden steps of EGBAD in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 5).

    python3 egbad.py            egbad-images.safetensors and egbad-vectors.safetensors
"""
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks

SETTINGS = {
    "images": {"sample": [20, 24, 2], "latent": 3, "width": 2, "hidden": 4},
    "vectors": {"sample": [7], "latent": 3, "width": 4, "hidden": 0},
}
COMMON = {"minibatch": 5, "microbatch": 2, "steps": 5, "rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8,
          "averageDecay": 0.75, "averaged": ["encoder", "generator", "discriminator"], "alpha": 0.9, "scored": 4}


def vectors(features, latent, width, noises):
    """E, G and the parts of D for KDD: 64 and 128 are `width` and its double."""

    def judge(inputs):
        return nn.Sequential(nn.Linear(inputs, 2 * width), nn.LeakyReLU(0.1), networks.Dropout(0.2, noises))

    return {
        "encoder": nn.Sequential(nn.Linear(features, width), nn.LeakyReLU(0.1), nn.Linear(width, latent)),
        "generator": nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, features)),
        "discriminator.sample": judge(features), "discriminator.code": judge(latent), "discriminator.joint": judge(4 * width),
        "discriminator.head": nn.Linear(2 * width, 1),
    }


def images(sample, latent, width, hidden, noises):
    """The same for images that halve twice: the table of MNIST with 64 as `width`, 1024 as `hidden`."""
    height, breadth, channels = sample
    rows, columns = height // 4, breadth // 4
    norm = {"eps": 1e-3, "momentum": 0.01}

    def halving(a, b):  # 3/2 with one zero after, none before
        return nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(a, b, 3, 2), nn.BatchNorm2d(b, **norm), nn.LeakyReLU(0.1)

    def judge(*layers):
        return *layers, nn.LeakyReLU(0.1), networks.Dropout(0.5, noises)

    cells = rows * columns * 2 * width
    return {
        "encoder": nn.Sequential(
            nn.Conv2d(channels, width // 2, 3, 1, 1), nn.LeakyReLU(0.1), *halving(width // 2, width), *halving(width, 2 * width),
            networks.ChannelsLast(), nn.Linear(cells, latent)),
        "generator": nn.Sequential(
            nn.Linear(latent, hidden), nn.BatchNorm1d(hidden, **norm), nn.ReLU(), nn.Linear(hidden, cells), nn.BatchNorm1d(cells, **norm), nn.ReLU(),
            networks.Grid(rows, columns), nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.BatchNorm2d(width, **norm), nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh()),
        "discriminator.sample": nn.Sequential(
            *judge(nn.Conv2d(channels, width, 4, 2, 1)), *judge(nn.Conv2d(width, width, 4, 2, 1), nn.BatchNorm2d(width, **norm)),
            networks.ChannelsLast()),
        "discriminator.code": nn.Sequential(*judge(nn.Linear(latent, hidden // 2))),
        "discriminator.joint": nn.Sequential(*judge(nn.Linear(rows * columns * width + hidden // 2, hidden))),
        "discriminator.head": nn.Linear(hidden, 1),
    }


def features(nets, x, z, prefix=""):
    parts = nets[prefix + "discriminator.sample"](x), nets[prefix + "discriminator.code"](z)
    return nets[prefix + "discriminator.joint"](torch.cat(parts, 1))


def logits(nets, x, z, prefix=""):
    return nets[prefix + "discriminator.head"](features(nets, x, z, prefix))


def bce(logits, target, reduction="mean"):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction=reduction)


def judges(nets):
    return [network for name, network in nets.items() if name.startswith("discriminator")]


def round_of(nets, adams, x, again, noises, latent):
    """Section 5 (e): D on one minibatch, then G and E at once on another."""
    z = noises.normal(len(x), latent)
    with networks.frozen(nets["encoder"], nets["generator"]):
        code, image = nets["encoder"](x), nets["generator"](z)
    losses = {"discriminator": bce(logits(nets, x, code), 1.0) + bce(logits(nets, image, z), 0.0)}
    gradients = {}

    def move(*names):
        """Each network by its own loss, all at the state that this begins with."""
        found = {name: torch.autograd.grad(losses[name], adams[name].parameters, retain_graph=True) for name in names}
        for name, own in found.items():
            gradients.update(zip(adams[name].parameters, own))
            adams[name].step(own)

    move("discriminator")

    z = noises.normal(len(again), latent)
    code, image = nets["encoder"](again), nets["generator"](z)
    with networks.frozen(*judges(nets)):
        real, fake = logits(nets, again, code), logits(nets, image, z)
    losses |= {"generator": bce(fake, 1.0), "encoder": bce(real, 0.0)}
    move("generator", "encoder")
    return losses, gradients


def score(x, nets, alpha, kinks):
    for network in nets.values():
        network.eval()
    with torch.no_grad():
        z = nets["averages.encoder"](x)
        y = nets["averages.generator"](z)
        kinks.meet(x - y)
        residual = (x - y).abs().flatten(1).sum(1)
        own, other = features(nets, x, z, "averages."), features(nets, y, z, "averages.")
        kinks.meet(own - other)
        pairs = {"crossEntropy": (x, z), "reconstruction/crossEntropy": (y, z)}
        found = {name: bce(logits(nets, *pair, "averages."), 1.0, "none")[:, 0] for name, pair in pairs.items()}
        found["featureMatching"] = (own - other).abs().sum(1)
        scores = {name: alpha * residual + (1 - alpha) * d for name, d in found.items()}
        return scores | ({"residual": (x - y).abs().mean(1)} if x.dim() == 4 else {})


def run(kind, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    settings = {"detector": "egbad", "variant": "default", "seed": seed} | SETTINGS[kind] | COMMON
    torch.manual_seed(seed)
    sample, noises = settings["sample"], networks.Noises()
    if kind == "images":
        nets = images(sample, settings["latent"], settings["width"], settings["hidden"], noises)
    else:
        nets = vectors(sample[0], settings["latent"], settings["width"], noises)
    golden.initialize(nets, deviation=0.3)
    copies = networks.averages(nets)
    kinks = networks.Kinks(nets | copies)
    groups = {"discriminator": judges(nets), "generator": [nets["generator"]], "encoder": [nets["encoder"]]}
    adams = {name: networks.Adam([p for network in own for p in network.parameters()], settings["rate"], settings["beta1"], settings["beta2"],
                                 settings["epsilon"], [0]) for name, own in groups.items()}

    def draw(samples):
        shape = (samples, *sample) if len(sample) == 1 else (samples, sample[2], *sample[:2])
        return golden.coarse(torch.rand(shape) * 2 - 1)

    recipe = {"latent": "latent", "width": "width", "hidden": "hidden", "learningRate": "rate", "averageDecay": "averageDecay", "alpha": "alpha"}
    record = networks.Record(nets, settings, recipe)  # the averages follow from the variables
    for number in range(settings["steps"]):
        x, again = draw(settings["minibatch"]), draw(settings["minibatch"])
        losses, gradients = round_of(nets, adams, x, again, noises, settings["latent"])
        networks.follow(copies, nets, settings["averageDecay"])
        record.inputs(number, [x, again], noises.take())
        record.outcome(number, losses, gradients, adams.values())
    x = draw(settings["scored"])
    record.input("scored", golden.images(x) if x.dim() == 4 else x)
    record.put("score", score(x, nets | copies, settings["alpha"], kinks))
    return record if kinks.least > 1e-5 else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for kind in SETTINGS:
        record = next(filter(None, (run(kind, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"egbad-{kind}.safetensors"))
