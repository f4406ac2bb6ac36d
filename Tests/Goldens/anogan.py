"""Golden steps and searches of AnoGAN in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 3).

    python3 anogan.py                  anogan.safetensors: the search by pixels and features
    python3 anogan.py cross-entropy    anogan-cross-entropy.safetensors: by D's answer to G(z); two starts
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks as shared

SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [16, 20, 2], "settings": {"width": 2, "latent": 3, "searchSteps": 10}, "seed": 2},
    "cross-entropy": {"sample": [12, 8, 3], "settings": {"width": 2, "latent": 3, "searchSteps": 6, "restarts": 2, "prior": "normal"}, "seed": 3},
}
COMMON = {"minibatch": 6, "microbatch": 4, "scored": 3}
LAMBDA = 0.1
STEPS = 5


def networks(height, width, channels, w, code):
    K = min(height, width).bit_length() - 3
    grid = height >> K, width >> K
    widths = [w << i for i in range(K)]
    G = [nn.Linear(code, grid[0] * grid[1] * widths[-1]), shared.Grid(*grid), nn.BatchNorm2d(widths[-1]), nn.ReLU()]
    for a, b in zip(widths[::-1], widths[-2::-1]):
        G += [shared.SameTransposed(a, b, 5, 2), nn.BatchNorm2d(b), nn.ReLU()]
    f = [shared.Same(channels, w, 5, 2), nn.LeakyReLU(0.2)]
    for a, b in zip(widths, widths[1:]):
        f += [shared.Same(a, b, 5, 2), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*G, shared.SameTransposed(w, channels, 5, 2), nn.Tanh()), nn.Sequential(*f), nn.Linear(grid[0] * grid[1] * widths[-1], 1)


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def main(variant="default", seed=None):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "anogan", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"] if seed is None else seed)
    (height, width, channels), own = settings["sample"], settings["settings"]
    G, f, head = networks(height, width, channels, own["width"], own["latent"])
    nets = {"generator": G, "features": f, "head": head}
    golden.initialize(nets, deviation=0.3)
    kinks = golden.Kinks()
    kinks.watch(nets)
    critic = [*f.parameters(), *head.parameters()]
    adams = [torch.optim.Adam(parameters, 2e-4, (0.5, 0.999), 1e-8) for parameters in ([*G.parameters()], critic)]
    flat = shared.ChannelsLast()

    def D(x):
        return head(flat(f(x)))

    def images(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    def noise(samples):
        """What is drawn, and the code that it is."""
        if own.get("prior") == "normal":
            u = golden.coarse(torch.randn(samples, own["latent"]))
            return u, u
        u = golden.coarse(torch.rand(samples, own["latent"]))
        return u, 2 * u - 1

    record = golden.Record(nets, settings)
    record.stage("training", adams)
    for _ in range(STEPS):
        x = images(settings["minibatch"])
        (u1, z1), (u2, z2) = noise(len(x)), noise(len(x))
        losses = {"discriminator": bce(D(x), 1.0).mean() + bce(D(G(z1).detach()), 0.0).mean()}
        found = golden.gradients(losses["discriminator"], critic)
        adams[1].step()
        losses["generator"] = bce(D(G(z2)), 1.0).mean()
        found |= golden.gradients(losses["generator"], G.parameters())
        adams[0].step()
        record.brief([x], [u1, u2], losses, found)
        kinks.check()

    for net in nets.values():
        net.eval()
    x = images(settings["scored"])

    def parts(z):
        """L_R and D's part, of each sample."""
        y = G(z)
        if variant == "cross-entropy":
            return kinks.note(x - y).abs().sum((1, 2, 3)), bce(D(y), 1.0).flatten()
        return kinks.note(x - y).abs().sum((1, 2, 3)), kinks.note(f(x).detach() - f(y)).abs().sum((1, 2, 3))

    def search(z):
        """Adam on z alone; each sample by itself, since none appears in another's loss."""
        m, v = torch.zeros_like(z), torch.zeros_like(z)
        steps = own["searchSteps"]
        for t in range(1, steps + 1):
            z = z.detach().requires_grad_()
            residual, other = parts(z)
            g, = torch.autograd.grad(((1 - LAMBDA) * residual + LAMBDA * other).sum(), z)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            rate = 0.01 if t <= 2 * steps // 5 else 0.001 if t <= 3 * steps // 5 else 0.0005
            z = z.detach() - rate * (m / (1 - 0.9 ** t)) / ((v / (1 - 0.999 ** t)).sqrt() + 1e-8)
        return z

    starts = [golden.coarse(torch.randn(len(x), own["latent"]).clamp(-2, 2)) for _ in range(own.get("restarts", 1))]
    best, least = None, None
    for start in starts:
        z = search(start)
        with torch.no_grad():
            residual, other = parts(z)
        loss = (1 - LAMBDA) * residual + LAMBDA * other
        if best is None:
            best, least = z, loss
        else:
            assert (loss < least).any() and (loss > least).any(), "one start is the best for all samples; take another seed"
            best, least = torch.where((loss < least)[:, None], z, best), torch.minimum(loss, least)
    with torch.no_grad():
        residual, other = parts(best)
        record.finish(x, {"combined": (1 - LAMBDA) * residual + LAMBDA * other, "residual": residual, "feature": other,
                          "discriminator": -D(x).flatten(), "map": (x - G(best)).abs().mean(1, keepdim=True)}, starts)
    kinks.check()
    name = "anogan" if variant == "default" else f"anogan-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: anogan.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
