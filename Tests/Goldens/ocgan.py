"""Golden steps of OCGAN in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 9).

    python3 ocgan.py                  ocgan.safetensors: the order of the paper
    python3 ocgan.py released-2019    ocgan-released-2019.safetensors: that variant, mining from the start
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks as shared

SMALL = {"width": 2, "visualWidth": 1, "latent": 3, "latentWidth": 16}
SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [16, 20, 2], "settings": SMALL, "seed": 1},
    "released-2019": {"sample": [12, 8, 3], "settings": SMALL | {"width": 1, "miningFrom": 1}, "seed": 0},
}
COMMON = {"minibatch": 4, "microbatch": 3, "scored": 3}
STEPS = 5


class Dropout(nn.Module):
    """Of given draws: what is at most one half is dropped."""

    def forward(self, x):
        if not self.training:
            return x
        self.drawn.append(golden.coarse(torch.rand_like(x)))
        return x * (self.drawn[-1] > 0.5) / 0.5


def networks(height, width, channels, own, released):
    momentum = 0.9 if released else 0.1

    def norm(c):
        return nn.BatchNorm2d(c, eps=1e-5, momentum=momentum)

    def conv(a, b, bias=False):
        return nn.Conv2d(a, b, 5, 2, 2, bias=bias)

    def convT(a, b, bias=False):
        return nn.ConvTranspose2d(a, b, 5, 2, 2, output_padding=1, bias=bias)

    n = min(height, width).bit_length() - 3
    grid, w, d = (height >> n, width >> n), [own["width"] << i for i in range(n)], own["latent"]
    En = [conv(channels, w[0], True), nn.LeakyReLU(0.2)]
    for a, b in zip(w, w[1:]):
        En += [conv(a, b), norm(b), nn.LeakyReLU(0.2)]
    En += [nn.Conv2d(w[-1], d, grid, bias=False), nn.LeakyReLU(0.2) if released else nn.Tanh()]
    De = [nn.ConvTranspose2d(d, w[-1], grid, bias=False), norm(w[-1])] + [Dropout()] * (n == 1) + [nn.ReLU()]
    for a, b in zip(w[::-1], w[-2::-1]):
        De += [convT(a, b), norm(b)] + [Dropout()] * (b == w[0]) + [nn.ReLU()]
    De += [convT(w[0], channels, True), nn.Tanh()]

    def critic(q):
        return nn.Sequential(conv(channels, q, True), nn.LeakyReLU(0.2), conv(q, 2 * q), norm(2 * q), nn.LeakyReLU(0.2),
                             conv(2 * q, 4 * q), norm(4 * q), nn.LeakyReLU(0.2), conv(4 * q, 1, True))

    sizes, Dl = [d] + [own["latentWidth"] >> i for i in range(4)], [shared.ChannelsLast()]
    for a, b in zip(sizes, sizes[1:]):
        Dl += [nn.Linear(a, b), nn.ReLU()]
    Dl[-1:] = [nn.Sigmoid()] if released else [nn.ReLU(), nn.Linear(sizes[-1], 1)]
    return {"encoder": nn.Sequential(*En), "decoder": nn.Sequential(*De), "latentDiscriminator": nn.Sequential(*Dl),
            "visualDiscriminator": critic(own["visualWidth"]), "classifier": critic(own["width"])}


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def judged(logits, target):
    """A sample's answer is the mean over its places."""
    return bce(logits.flatten(1).mean(1), target).mean()


def each(logits, target):
    """Every answer of D_l for itself."""
    return bce(logits, target).mean()


def main(variant="default", seed=None):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    released = variant == "released-2019"
    settings = {"detector": "ocgan", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"] if seed is None else seed)
    (height, width, channels), own = settings["sample"], settings["settings"]
    nets = networks(height, width, channels, own, released)
    En, De, Dl, Dv, C = nets.values()
    golden.initialize(nets, deviation=0.25)
    kinks = golden.Kinks()
    kinks.watch(nets)
    sigma, mse, inner = (0.02, 250, 10) if released else (0.2, 10, 1)
    adams = [torch.optim.Adam(p, 2e-4, (0.5, 0.999), 1e-8)
             for p in (C.parameters(), Dl.parameters(), Dv.parameters(), [*En.parameters(), *De.parameters()])]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    def running(*networks):
        for network in networks:
            network.eval()

    def training(*networks):
        for network in networks:
            network.train()

    def mine(places, steps, rate, code, bound):
        """Down each sample's own loss, by running statistics."""
        running(De, C)
        for _ in range(steps):
            places = places.detach().requires_grad_()
            slope, = torch.autograd.grad(bce(C(De(code(places))).flatten(1).mean(1), 0.0).sum(), places)
            places = places.detach() - rate * slope
            if bound:
                kinks.note(places.abs() - 1)
                places = places.clamp(-1, 1)
        training(De, C)
        return code(places)

    record = golden.Record(nets, settings)
    record.stage("training", adams)
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        noise = golden.coarse(torch.randn_like(x))
        drops = Dropout.drawn = []
        losses, found = {}, {}

        def update(loss, parameters, adam):
            parameters = [*parameters]
            found.update(golden.gradients(loss, parameters))
            adams[adam].step()

        def classify():
            losses["classifier"] = 0.5 * (judged(C(y.detach()), 1.0) + judged(C(z.detach()), 0.0))
            update(losses["classifier"], C.parameters(), 0)

        def discriminate(codes, images):
            losses["latent"] = 0.5 * (each(Dl(l2), 1.0) + each(Dl(codes.detach()), 0.0))
            update(losses["latent"], Dl.parameters(), 1)
            losses["visual"] = 0.5 * (judged(Dv(x), 1.0) + judged(Dv(images.detach()), 0.0))
            update(losses["visual"], Dv.parameters(), 2)

        l1 = En(x + sigma * noise)
        y = De(l1)
        u = golden.coarse(torch.rand_like(l1))
        l2 = 2 * u - 1
        z = De(l2)
        uniforms = [u]
        if released:
            uniforms.append(golden.coarse(torch.rand_like(l1)))
            negative = mine(2 * uniforms[1] - 1, 1, 2.0, torch.tanh, bound=False)
            running(En, De)
            codes, images = En(x + sigma * noise), De(l2)
            training(En, De)
            discriminate(codes, images)
            classify()
        else:
            classify()
            discriminate(l1, z)
            negative = mine(l2, 5, 1.0, lambda codes: codes, bound=True)
        losses["reconstruction"] = F.mse_loss(y, x)
        losses["autoencoder"] = mse * losses["reconstruction"] + inner * each(Dl(l1), 1.0) + judged(Dv(De(negative.detach())), 1.0)
        update(losses["autoencoder"], [*En.parameters(), *De.parameters()], 3)
        record.brief([x], [noise, drops[0], u, drops[1], *uniforms[1:], drops[2]], losses, found)
        kinks.check()
    running(*nets.values())
    x = draw(settings["scored"])
    noises = [golden.coarse(torch.randn_like(x))] * released
    with torch.no_grad():
        y = De(En(x + sigma * noises[0] if noises else x))
        record.finish(x, {"reconstruction": (x - y).square().mean((1, 2, 3)), "visual": -Dv(y).flatten(1).mean(1),
                          "direct": -Dv(x).flatten(1).mean(1), "map": (x - y).abs().mean(1, keepdim=True)},
                      [golden.images(n) for n in noises])
    name = "ocgan" if variant == "default" else f"ocgan-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: ocgan.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
