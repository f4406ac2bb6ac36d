"""Golden steps of ADAE in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 8).

    python3 adae.py               adae.safetensors
    python3 adae.py yeonghyeon    adae-yeonghyeon.safetensors: half the adversarial terms, the distance of L_D from 0
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden

SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [16, 20, 2], "settings": {"width": 2, "latent": 3}, "minibatch": 5, "microbatch": 3, "rate": 1e-5, "share": 1, "seed": 179},
    "yeonghyeon": {"sample": [12, 8, 3], "settings": {"width": 2, "latent": 3}, "minibatch": 6, "microbatch": 4, "rate": 1e-4, "share": 0.5, "seed": 848},
}
COMMON = {"scored": 3}
STEPS = 5


def padding(side, kernel, stride):
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class Same(nn.Conv2d):
    def forward(self, x):
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        return super().forward(F.pad(x, (*padding(x.shape[3], kernel, stride), *padding(x.shape[2], kernel, stride))))


class SameDoubling(nn.ConvTranspose2d):
    """The adjoint of Same with kernel 3 and stride 2 on an image of twice the sides."""

    def forward(self, x):
        height, width = 2 * x.shape[2], 2 * x.shape[3]
        top, left = padding(height, 3, 2)[0], padding(width, 3, 2)[0]
        return super().forward(x)[:, :, top : top + height, left : left + width]


def autoencoder(height, width, channels, q, latent):
    def norm(c):
        return nn.BatchNorm2d(c, eps=1e-3, momentum=0.01)

    K = min(height, width).bit_length() - 3
    grid = height >> K, width >> K
    narrow = [channels] + [i * q for i in range(1, K + 1)]
    wide = [q] * K + [32]
    layers = []
    for a, b in zip(narrow, narrow[1:]):
        layers += [Same(a, b, 3, 2), nn.ReLU(), norm(b)]
    layers += [nn.Conv2d(narrow[-1], q, grid), nn.ReLU(), norm(q), nn.Conv2d(q, latent, 1), nn.ReLU(), norm(latent)]
    layers += [nn.ConvTranspose2d(latent, q, grid), nn.LeakyReLU(0.3), norm(q)]
    for a, b in zip(wide, wide[1:]):
        layers += [SameDoubling(a, b, 3, 2), nn.LeakyReLU(0.3), norm(b)]
    return nn.Sequential(*layers, Same(32, channels, 2), nn.Tanh())


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

    record = golden.Record(nets, settings)
    record.stage("training", adams)
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        y = G(x)
        losses = {"real": error(x, D(x)), "fake": error(y.detach(), D(y.detach()))}
        losses["discriminator"] = losses["real"] - share * losses["fake"]
        if variant == "yeonghyeon":
            losses["discriminator"] = kinks.note(losses["discriminator"].view(1)).abs().sum()
        found = golden.gradients(losses["discriminator"], D.parameters())
        adams[1].step()
        losses["generator"] = error(x, y) + share * error(y, D(y))
        found |= golden.gradients(losses["generator"], G.parameters())
        adams[0].step()
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


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: adae.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
