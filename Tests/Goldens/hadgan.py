"""Golden steps of HADGAN in float64 PyTorch, written from the specification (detectors/ae-family.md, 0 and 5.1).

    python3 hadgan.py              hadgan.safetensors, hadgan-norm.safetensors
"""
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks

SETTINGS = {
    "hadgan": {"loss": "squared", "consistencyOf": "prior", "shrink": "squared"},
    "hadgan-norm": {"loss": "norm", "consistencyOf": "encoded", "shrink": "absolute"},
}
COMMON = {"detector": "hadgan", "variant": "", "sample": [7], "latent": 3, "width": 5, "minibatch": 5, "microbatch": 2, "steps": 5,
          "rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.01, "reconstruction": 1.0, "consistency": 0.5,
          "shrinkage": 0.1, "scored": 4}


class RMSProp:
    """PyTorch's: epsilon outside the root, the mean square from 0."""

    def __init__(self, parameters, rate):
        self.parameters, self.rate = list(parameters), rate
        self.second = [torch.zeros_like(p) for p in self.parameters]

    def step(self, gradients):
        with torch.no_grad():
            for p, v, g in zip(self.parameters, self.second, gradients):
                v.mul_(0.99).add_(0.01 * g * g)
                p -= self.rate * g / (v.sqrt() + 1e-8)


def perceptron(a, width, b, norm, bias):
    def hidden(n):
        return [nn.Linear(n, width), *([nn.BatchNorm1d(width)] if norm else []), nn.LeakyReLU(0.2)]

    return nn.Sequential(*hidden(a), *hidden(width), nn.Linear(width, b, bias=bias))


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def step(nets, movers, x, noises, settings, kinks):
    """5.1 (d) and (e): D_Z, D_I, then E and De by one forward pass."""
    encoder, decoder, latent, image = (nets[n] for n in ("encoder", "decoder", "latentCritic", "imageCritic"))
    losses, gradients = {}, {}

    def move(name, loss):
        parameters = list(nets[name].parameters())
        found = torch.autograd.grad(loss, parameters, retain_graph=True)
        gradients.update(zip(parameters, found))
        decay = settings["weightDecay"] if name in ("encoder", "decoder") else 0
        return lambda: movers[name].step([g + decay * p.detach() for p, g in zip(parameters, found)])

    def size(difference):
        if settings["loss"] == "squared":
            return difference.square().mean()
        return (difference.square().sum(1) + 1e-8).sqrt().mean() / (2 * settings["sample"][0])

    z = encoder(x)
    y = decoder(z)
    prior = noises.normal(len(x), settings["latent"])
    move("latentCritic", bce(latent(prior), 1.0) + bce(latent(z.detach()), 0.0))()
    move("imageCritic", bce(image(x), 1.0) + bce(image(y.detach()), 0.0))()
    code = noises.normal(len(x), settings["latent"]) if settings["consistencyOf"] == "prior" else z.detach()
    again = encoder(decoder(code))
    if settings["shrink"] == "absolute":
        kinks.meet(z)
    shrink = z.square().mean() if settings["shrink"] == "squared" else z.abs().mean()
    a, b, c = (settings[name] for name in ("reconstruction", "consistency", "shrinkage"))
    losses["reconstruction"] = size(x - y)
    losses["loss"] = a * losses["reconstruction"] + b * size(code - again) + c * shrink
    losses["latent"] = bce(latent(z), 1.0)
    losses["image"] = bce(image(decoder(z.detach())), 1.0)
    moves = move("encoder", losses["loss"] + losses["latent"]), move("decoder", losses["loss"] + losses["image"])
    for go in moves:
        go()
    return losses, gradients


def run(kind, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    settings = {"kind": kind, "seed": seed} | COMMON | SETTINGS[kind]
    torch.manual_seed(seed)
    bands, width, d = settings["sample"][0], settings["width"], settings["latent"]
    nets = {"encoder": perceptron(bands, width, d, True, False), "decoder": perceptron(d, width, bands, False, False),
            "latentCritic": perceptron(d, width, 1, False, True), "imageCritic": perceptron(bands, width, 1, False, True)}
    golden.initialize(nets, deviation=0.4)
    noises, kinks = networks.Noises(), networks.Kinks(nets)
    movers = {"encoder": RMSProp(nets["encoder"].parameters(), settings["rate"])}
    for name in "decoder", "latentCritic", "imageCritic":
        movers[name] = networks.Adam(nets[name].parameters(), settings["rate"], settings["beta1"], settings["beta2"], settings["epsilon"], [0])
    own = ("latent", "width", "loss", "consistencyOf", "shrink", "weightDecay", "reconstruction", "consistency", "shrinkage")
    record = networks.Record(nets, settings, {name: name for name in own} | {"learningRate": "rate"})
    for number in range(settings["steps"]):
        x = golden.coarse(torch.rand(settings["minibatch"], bands))
        losses, gradients = step(nets, movers, x, noises, settings, kinks)
        record.inputs(number, [x], noises.take())
        record.outcome(number, losses, gradients, [movers["latentCritic"], movers["imageCritic"]])
        record.kept(number, "decoder", movers["decoder"])
        names = {p: (name, layer) for name, (layer, p) in golden.variables(nets).items()}
        for p, second in zip(movers["encoder"].parameters, movers["encoder"].second):
            name, layer = names[p]
            record.put(f"step{number}/optimizer/encoder/second", {name: golden.ours(layer, second)})
    x = golden.coarse(torch.rand(settings["scored"], bands))
    for net in nets.values():
        net.train(False)
    with torch.no_grad():
        residual = x - nets["decoder"](nets["encoder"](x))
        kinks.meet(residual)
    record.input("scored", x)
    record.put("score", {"map/residual": residual.abs()})
    return record if kinks.least > 1e-5 else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for kind in SETTINGS:
        record = next(filter(None, (run(kind, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"{kind}.safetensors"))
