"""Golden steps of Skip-GANomaly in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 2).

    python3 skip_ganomaly.py             skip-ganomaly.safetensors: the corrected protocol
    python3 skip_ganomaly.py released    skip-ganomaly-released.safetensors: D lowers L_lat too
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden

SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [32, 64, 2], "settings": {"width": 1, "features": 2}, "minibatch": 3, "microbatch": 2, "scored": 2, "seed": 0},
    "released": {"sample": [32, 32, 2], "settings": {"width": 1, "features": 2, "inputNoise": 0.5, "residual": "absolute"},
                 "minibatch": 3, "microbatch": 2, "scored": 2, "seed": 1},
}
WEIGHTS = {"adversarial": 1, "contextual": 50, "latent": 1}
STEPS = 5


class Generator(nn.Module):
    """Down 1 to L and up L to 1 of the specification's table, each a sequence."""

    def __init__(self, height, width, channels, f):
        super().__init__()
        levels = min(height, width).bit_length() - 1
        w = [channels] + [f * min(2 ** i, 8) for i in range(levels)]  # w[0] the image's, w[i] of level i
        down, up = [], []
        for i in range(1, levels + 1):
            down.append([nn.LeakyReLU(0.2)] * (i > 1) + [nn.Conv2d(w[i - 1], w[i], 4, 2, 1, bias=False)]
                        + [nn.BatchNorm2d(w[i])] * (1 < i < levels))
        for i in range(levels, 0, -1):
            up.append([nn.ReLU(), nn.ConvTranspose2d(w[i] if i == levels else 2 * w[i], w[i - 1], 4, 2, 1, bias=i == 1),
                       nn.BatchNorm2d(w[i - 1]) if i > 1 else nn.Tanh()])
        self.down = nn.ModuleList(nn.Sequential(*layers) for layers in down)
        self.up = nn.ModuleList(nn.Sequential(*layers) for layers in up)

    def forward(self, x):
        d = []
        for layers in self.down:
            x = layers(x)
            d.append(x)
        u = self.up[0](d.pop())
        for layers in self.up[1:]:
            u = layers(torch.cat([d.pop(), u], 1))
        return u


def discriminator(height, width, channels, f, features):
    """GANomaly's encoder, and the classifier on what it gives."""
    n = min(height, width).bit_length() - 4
    layers = [nn.Conv2d(channels, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for i in range(1, n + 1):
        layers += [nn.Conv2d(f << (i - 1), f << i, 4, 2, 1, bias=False), nn.BatchNorm2d(f << i), nn.LeakyReLU(0.2)]
    layers.append(nn.Conv2d(f << n, features, (height >> (n + 1), width >> (n + 1)), bias=False))
    return nn.Sequential(*layers), nn.Conv2d(features, 1, 3, 1, 1, bias=False)


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def step(x, seen, G, f, head, adams, variant, kinks):
    """Section 2 (d) and (e); `seen`: what G gets, x with the noise if there is any."""
    y = G(seen)
    kinks.note(x - y)
    real, fake = f(x), f(y)
    losses = {"adversarial": bce(head(fake), 1.0), "contextual": F.l1_loss(y, x), "latent": F.mse_loss(fake, real)}
    losses["generator"] = sum(WEIGHTS[name] * losses[name] for name in WEIGHTS)
    losses["discriminator"] = bce(head(real), 1.0) + bce(head(fake), 0.0)
    if variant == "released":
        losses["discriminator"] = losses["discriminator"] + WEIGHTS["latent"] * losses["latent"]
    found = golden.gradients(losses["generator"], G.parameters(), retain_graph=True)
    found |= golden.gradients(losses["discriminator"], [*f.parameters(), *head.parameters()])
    for adam in adams:
        adam.step()
    return losses, found


def score(x, G, f, variant):
    """On running statistics."""
    with torch.no_grad():
        y = G(x)
        difference = (x - y).abs()
        residual = (difference if variant == "released" else difference.square()).mean((1, 2, 3))
        latent = (f(x) - f(y)).square().mean((1, 2, 3))
        return {"combined": 0.9 * residual + 0.1 * latent, "residual": residual, "latent": latent, "map": difference.mean(1, keepdim=True)}


def main(variant="default", seed=None):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "skip-ganomaly", "variant": variant} | SETTINGS[variant]
    torch.manual_seed(settings["seed"] if seed is None else seed)
    (height, width, channels), own = settings["sample"], settings["settings"]
    G = Generator(height, width, channels, own["width"])
    f, head = discriminator(height, width, channels, own["width"], own["features"])
    parts = {f"generator.{way}.{i}": layers for way in ("down", "up") for i, layers in enumerate(getattr(G, way))}
    nets = parts | {"features": f, "head": head}
    golden.initialize(nets, deviation=0.25)
    kinks = golden.Kinks()
    kinks.watch(nets)
    adams = [torch.optim.Adam(p, 2e-4, (0.5, 0.999), 1e-8) for p in ([*G.parameters()], [*f.parameters(), *head.parameters()])]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    record = golden.Record(nets, settings)
    record.stage("training", adams)
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        noises = [golden.coarse(torch.randn_like(x))] * ("inputNoise" in own)
        seen = x + own["inputNoise"] * noises[0] if noises else x
        losses, found = step(x, seen, G, f, head, adams, variant, kinks)
        record.brief([x], noises, losses, found)
        kinks.check()
    for net in nets.values():
        net.eval()
    x = draw(settings["scored"])
    record.finish(x, score(x, G, f, variant))
    name = "skip-ganomaly" if variant == "default" else f"skip-ganomaly-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: skip_ganomaly.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
