"""Golden steps of GANomaly in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 1).

    python3 ganomaly.py                     ganomaly.safetensors: the corrected protocol, which is also `released-2019-10`
    python3 ganomaly.py released-2018-07    ganomaly-released-2018-07.safetensors: D first, G against the updated D
    python3 ganomaly.py released-2018-10    likewise, D minimizing the distance of features
    python3 ganomaly.py released-2019-08    as corrected, L_adv without a derivative for G
    python3 ganomaly.py anomalib            the library's networks and losses
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden

SETTINGS = {  # sample: height, width, channels; microbatch: what the test divides the minibatch by, the last one short
    "default": {"sample": [16, 20, 3], "settings": {"width": 2, "latent": 5}, "seed": 37},
    "released-2018-07": {"sample": [20, 16, 2], "settings": {"width": 2, "latent": 3}, "seed": 36},
    "released-2018-10": {"sample": [16, 20, 2], "settings": {"width": 2, "latent": 2}, "seed": 7},
    "released-2019-08": {"sample": [20, 16, 2], "settings": {"width": 2, "latent": 2}, "seed": 3},
    "anomalib": {"sample": [17, 19, 2], "settings": {"width": 1, "latent": 3}, "seed": 35},
}
COMMON = {"minibatch": 6, "microbatch": 4, "weights": {"adversarial": 1, "contextual": 50, "encoding": 1}, "scored": 4}
STEPS = 5


def square(height, width):
    """The side of anomalib's image, and where the sample begins in it: the larger half of the zeros comes first."""
    side = 1 << (max(height, width) - 1).bit_length()
    return side, (side - height + 1) // 2, (side - width + 1) // 2


def framed(x, variant):
    """Samples as the networks see them: anomalib's amid zeros."""
    if variant != "anomalib":
        return x
    height, width = x.shape[2:]
    side, top, left = square(height, width)
    return F.pad(x, (left, side - width - left, top, side - height - top))


def cropped(y, height, width, variant):
    """What the networks made, where the samples are."""
    if variant != "anomalib":
        return y
    _, top, left = square(height, width)
    return y[:, :, top : top + height, left : left + width]


def networks(height, width, channels, f, code, variant="default"):
    """G_E, G_D, E, and D in two parts: the features and the classifier on them. `f`: the base width."""
    first = 1  # padding of the first convolution
    if variant == "anomalib":
        first, (height, width) = 4, 2 * square(height, width)[:1]
    n = min(height, width).bit_length() - 4  # log2 - 3
    grid = height >> (n + 1), width >> (n + 1)

    def trunk():
        yield from (nn.Conv2d(channels, f, 4, 2, first, bias=False), nn.LeakyReLU(0.2))
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


def generate(x, nets):
    z = nets["encoder"](x)
    y = nets["decoder"](z)
    return z, y, nets["reencoder"](y)


def together(x, nets, adams, groups, weights, variant):
    """Section 1 (e): every gradient at the state the step begins with. D's passes over x and over x̂ are one each, and so
    are its running statistics' moves; a loss's derivative goes to the parameters of its own group alone."""
    z, y, w = generate(x, nets)
    real, fake = nets["features"](x), nets["features"](y)
    logits = nets["head"](real), nets["head"](fake)
    losses = {"adversarial": F.mse_loss(fake, real), "contextual": F.l1_loss(y, x), "encoding": F.mse_loss(w, z)}
    if variant == "released-2019-08":
        losses["adversarial"] = losses["adversarial"].detach()
    elif variant == "anomalib":
        losses["adversarial"] = F.mse_loss(torch.sigmoid(logits[1]), torch.sigmoid(logits[0]))
        losses["encoding"] = F.smooth_l1_loss(w, z, beta=1)
        distances = (w - z).abs()
        assert (distances < 1).any() and (distances > 1).any(), "one side of smooth L1 is never met"
    losses["generator"] = sum(weights[name] * losses[name] for name in weights)
    losses["discriminator"] = 0.5 * (bce(logits[0], 1.0) + bce(logits[1], 0.0))
    gradients = {}
    for adam, parameters, name in zip(adams, groups, ("generator", "discriminator")):
        gradients |= move(adam, parameters, losses[name], retain_graph=True)
    for adam in adams:
        adam.step()
    return losses, gradients


def discriminator_first(x, nets, adams, groups, weights, variant):
    """D first, its two halves not halved, or (2018-10) by the distance of features; then G, whose adversarial loss is the
    non-saturating one of the updated D, which therefore passes x̂ once more, as a network of other weights."""
    z, y, w = generate(x, nets)
    real, fake = nets["features"](x), nets["features"](y.detach())
    losses = {"contextual": F.l1_loss(y, x), "encoding": F.mse_loss(w, z)}
    if variant == "released-2018-07":
        losses["discriminator"] = bce(nets["head"](real), 1.0) + bce(nets["head"](fake), 0.0)
    else:
        losses["discriminator"] = F.mse_loss(real, fake)
    gradients = move(adams[1], groups[1], losses["discriminator"])
    adams[1].step()
    losses["adversarial"] = bce(nets["head"](nets["features"](y)), 1.0)
    losses["generator"] = sum(weights[name] * losses[name] for name in weights)
    gradients |= move(adams[0], groups[0], losses["generator"])
    adams[0].step()
    return losses, gradients


def score(x, nets, variant):
    """Scores and map of samples, on running statistics."""
    for network in nets.values():
        network.eval()
    with torch.no_grad():
        z, y, w = generate(framed(x, variant), nets)
        difference = (z - w).flatten(1)
        residual = (x - cropped(y, *x.shape[2:], variant)).abs().mean(1)
        return {"latentL1": difference.abs().sum(1), "latentL2": difference.square().mean(1), "map": residual}


def main(variant="default"):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "ganomaly", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"])  # one whose numbers stay away from the kinks, as ganomaly_check.py makes sure
    height, width, channels = settings["sample"]
    nets = networks(height, width, channels, settings["settings"]["width"], settings["settings"]["latent"], variant)
    golden.initialize(nets, deviation=0.15)
    moved = ("encoder", "decoder", "reencoder"), ("features",) if variant == "released-2018-10" else ("features", "head")
    groups = [[p for name in names for p in nets[name].parameters()] for names in moved]
    adams = [torch.optim.Adam(group, 2e-4, (0.5, 0.999), 1e-8) for group in groups]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    record = golden.Record(nets, settings)
    step = discriminator_first if variant.startswith("released-2018") else together
    record.stage("training", adams)
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        losses, gradients = step(framed(x, variant), nets, adams, groups, settings["weights"], variant)
        record.brief([x], [], losses, gradients)
    x = draw(settings["scored"])
    record.finish(x, score(x, nets, variant))
    name = "ganomaly" if variant == "default" else f"ganomaly-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: ganomaly.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
