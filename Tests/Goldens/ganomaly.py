"""Golden steps of GANomaly in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 1).

    python3 ganomaly.py                     ganomaly.safetensors: the corrected protocol, which is also `released-2019-10`
    python3 ganomaly.py released-2018-07    ganomaly-released-2018-07.safetensors: D first, G against the updated D
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden

SETTINGS = {  # sample: height, width, channels; microbatch: what the test divides the minibatch by, the last one short
    "default": {"sample": [16, 20, 3], "width": 2, "code": 5, "seed": 37},
    "released-2018-07": {"sample": [20, 16, 2], "width": 2, "code": 3, "seed": 36},
}
COMMON = {"minibatch": 6, "microbatch": 4, "steps": 5, "rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8,
          "weights": {"adversarial": 1, "contextual": 50, "latent": 1}, "scored": 4}


def networks(height, width, channels, f, code):
    """G_E, G_D, E, and D in two parts: the features and the classifier on them. `f`: the base width."""
    n = min(height, width).bit_length() - 4  # log2 - 3
    grid = height >> (n + 1), width >> (n + 1)

    def trunk():
        yield from (nn.Conv2d(channels, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2))
        for i in range(1, n + 1):
            yield from (nn.Conv2d(f << (i - 1), f << i, 4, 2, 1, bias=False), nn.BatchNorm2d(f << i), nn.LeakyReLU(0.2))

    def last(outputs):
        return nn.Conv2d(f << n, outputs, grid, bias=False)

    def decoder():
        yield from (nn.ConvTranspose2d(code, f << n, grid, bias=False), nn.BatchNorm2d(f << n), nn.ReLU())
        for i in range(n, 0, -1):
            yield from (nn.ConvTranspose2d(f << i, f << (i - 1), 4, 2, 1, bias=False), nn.BatchNorm2d(f << (i - 1)), nn.ReLU())
        yield from (nn.ConvTranspose2d(f, channels, 4, 2, 1, bias=False), nn.Tanh())

    return {"encoder": nn.Sequential(*trunk(), last(code)), "decoder": nn.Sequential(*decoder()),
            "reencoder": nn.Sequential(*trunk(), last(code)), "features": nn.Sequential(*trunk()), "head": last(1)}


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def move(adam, parameters, loss, **keep):
    """The gradient of a loss by the parameters of one optimizer, and nothing else; `adam` moves when it is told to."""
    gradients = torch.autograd.grad(loss, parameters, **keep)
    for p, g in zip(parameters, gradients):
        p.grad = g
    return dict(zip(parameters, gradients))


def corrected(x, nets, adams, groups, weights):
    """Section 1 (e): every gradient at the state the step begins with. D's passes over x and over x̂ are one each, and so
    are its running statistics' moves; a loss's derivative goes to the parameters of its own group alone."""
    z = nets["encoder"](x)
    y = nets["decoder"](z)
    w = nets["reencoder"](y)
    real, fake = nets["features"](x), nets["features"](y)
    losses = {"adversarial": F.mse_loss(fake, real), "contextual": F.l1_loss(y, x), "latent": F.mse_loss(w, z)}
    losses["generator"] = sum(weights[name] * losses[name] for name in weights)
    losses["discriminator"] = 0.5 * (bce(nets["head"](real), 1.0) + bce(nets["head"](fake), 0.0))
    gradients = {}
    for adam, parameters, name in zip(adams, groups, ("generator", "discriminator")):
        gradients |= move(adam, parameters, losses[name], retain_graph=True)
    for adam in adams:
        adam.step()
    return losses, gradients


def released_2018_07(x, nets, adams, groups, weights):
    """D first, its two halves not halved; then G, whose adversarial loss is the non-saturating one of the updated D, which
    therefore passes x̂ once more, as a network of other weights."""
    z = nets["encoder"](x)
    y = nets["decoder"](z)
    w = nets["reencoder"](y)
    real, fake = nets["head"](nets["features"](x)), nets["head"](nets["features"](y.detach()))
    losses = {"contextual": F.l1_loss(y, x), "latent": F.mse_loss(w, z), "discriminator": bce(real, 1.0) + bce(fake, 0.0)}
    gradients = move(adams[1], groups[1], losses["discriminator"])
    adams[1].step()
    losses["adversarial"] = bce(nets["head"](nets["features"](y)), 1.0)
    losses["generator"] = sum(weights[name] * losses[name] for name in weights)
    gradients |= move(adams[0], groups[0], losses["generator"])
    adams[0].step()
    return losses, gradients


def score(x, nets):
    """Scores and map of samples, on running statistics."""
    for network in nets.values():
        network.eval()
    with torch.no_grad():
        z = nets["encoder"](x)
        y = nets["decoder"](z)
        difference = (z - nets["reencoder"](y)).flatten(1)
        return {"latentL1": difference.abs().sum(1), "latentL2": difference.square().mean(1), "residual": (x - y).abs().mean(1)}


def main(variant="default"):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "GANomaly", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"])  # one whose numbers stay away from the kinks, as ganomaly_check.py makes sure
    height, width, channels = settings["sample"]
    nets = networks(height, width, channels, settings["width"], settings["code"])
    golden.initialize(nets, deviation=0.15)
    groups = [[p for name in names for p in nets[name].parameters()] for names in (("encoder", "decoder", "reencoder"), ("features", "head"))]
    adams = [torch.optim.Adam(group, settings["rate"], (settings["beta1"], settings["beta2"]), settings["epsilon"]) for group in groups]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    record = golden.Record(nets, settings)
    step = corrected if variant == "default" else released_2018_07
    for number in range(settings["steps"]):
        x = draw(settings["minibatch"])
        losses, gradients = step(x, nets, adams, groups, settings["weights"])
        record.step(number, x, losses, gradients, adams)
    x = draw(settings["scored"])
    record.input("scored", golden.images(x))
    record.put("score", score(x, nets))
    name = "ganomaly" if variant == "default" else f"ganomaly-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: ganomaly.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
