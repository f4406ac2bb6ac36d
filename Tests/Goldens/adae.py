"""Golden steps of ADAE in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 8).

    python3 adae.py               adae.safetensors
    python3 adae.py yeonghyeon    adae-yeonghyeon.safetensors: half the adversarial terms, the distance of L_D from 0
"""
import copy
import sys
from pathlib import Path

import torch
from torch import nn

import golden
import networks

SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [16, 20, 2], "settings": {"width": 2, "latent": 3}, "minibatch": 5, "microbatch": 3, "rate": 1e-5, "share": 1, "seed": 179},
    "yeonghyeon": {"sample": [12, 8, 3], "settings": {"width": 2, "latent": 3}, "minibatch": 6, "microbatch": 4, "rate": 1e-4, "share": 0.5, "seed": 45},
}
COMMON = {"scored": 3}
STEPS = 5


def autoencoder(height, width, channels, q, latent):
    def norm(c):
        return nn.BatchNorm2d(c, eps=1e-3, momentum=0.01)

    K = min(height, width).bit_length() - 3
    grid = height >> K, width >> K
    narrow = [channels] + [i * q for i in range(1, K + 1)]
    wide = [q] * K + [32]
    layers = []
    for a, b in zip(narrow, narrow[1:]):
        layers += [networks.Same(a, b, 3, 2), nn.ReLU(), norm(b)]
    layers += [nn.Conv2d(narrow[-1], q, grid), nn.ReLU(), norm(q), nn.Conv2d(q, latent, 1), nn.ReLU(), norm(latent)]
    layers += [nn.ConvTranspose2d(latent, q, grid), nn.LeakyReLU(0.3), norm(q)]
    for a, b in zip(wide, wide[1:]):
        layers += [networks.SameTransposed(a, b, 3, 2), nn.LeakyReLU(0.3), norm(b)]
    return nn.Sequential(*layers, networks.Same(32, channels, 2), nn.Tanh())


def main(variant="default", seed=None):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "adae", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"] if seed is None else seed)
    (height, width, channels), own, share = settings["sample"], settings["settings"], settings["share"]
    G, D = (autoencoder(height, width, channels, own["width"], own["latent"]) for _ in range(2))
    nets = {"generator": G, "discriminator": D}
    golden.initialize(nets, deviation=0.3)
    for net in nets.values():  # the last convolution has 128 inputs; wider weights would saturate tanh
        net[-2].weight.data *= 0.2
    kinks = golden.Kinks(limit=3e-6)  # there are a million numbers at 32 channels
    kinks.watch(nets)
    adams = [torch.optim.Adam(net.parameters(), settings["rate"], (0.5, 0.999), 1e-8) for net in (G, D)]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    def error(a, b):
        return kinks.note(a - b).abs().mean()

    def step(G, D, x, move):
        """Losses and gradients; `move`: takes a network to where it is to be for the other's loss."""
        y = G(x)
        losses = {"real": error(x, D(x)), "fake": error(y.detach(), D(y.detach()))}
        losses["discriminator"] = losses["real"] - share * losses["fake"]
        if variant == "yeonghyeon":
            losses["discriminator"] = kinks.note(losses["discriminator"].view(1)).abs().sum()
        found = golden.gradients(losses["discriminator"], D.parameters())
        move(D)
        losses["generator"] = error(x, y) + share * error(y, D(y))
        found |= golden.gradients(losses["generator"], G.parameters())
        move(G)
        return losses, found

    def rounding(before, exact, x):
        """By how much PyTorch's own gradients differ in float32, of the largest of their parameter; `before`: copies of G and D."""
        own = {name: net.float() for name, net in before.items()}
        _, found = step(*own.values(), x.float(), lambda net: net.load_state_dict(D.state_dict()) if net is own["discriminator"] else None)
        pairs = [(found[q], exact[p]) for net, copied in zip(nets.values(), own.values()) for p, q in zip(net.parameters(), copied.parameters())]
        return max(((q - p).abs().max() / p.abs().max()).item() for q, p in pairs)

    record = golden.Record(nets, settings)
    record.stage("training", adams)
    worst = 0
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        before = copy.deepcopy(nets)
        losses, found = step(G, D, x, lambda net: adams[net is D].step())
        worst = max(worst, rounding(before, found, x))
        record.brief([x], [], losses, found)
        kinks.check()
    for net in nets.values():
        net.eval()
    x = draw(settings["scored"])
    with torch.no_grad():
        y = G(x)
        twice = D(y)
        record.finish(x, {"reconstruction": (x - twice).square().sum((1, 2, 3)).sqrt(), "generator": (x - y).square().sum((1, 2, 3)).sqrt(),
                          "map": (x - twice).abs().mean(1, keepdim=True)})
    name = "adae" if variant == "default" else f"adae-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))
    print(f"in float32 PyTorch's own gradients differ by up to {worst:.1e} of the largest of their parameter")


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: adae.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
