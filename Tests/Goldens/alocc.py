"""Golden steps of ALOCC in float64 PyTorch, written from the specification (detectors/gan-family.md, 0 and 7).

    python3 alocc.py               alocc.safetensors: the corrected protocol
    python3 alocc.py released      alocc-released.safetensors: R's output as logits, R moved twice
    python3 alocc.py paper-2018    alocc-paper-2018.safetensors: the paper's networks
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks as shared

COMMON = {"minibatch": 6, "microbatch": 4, "scored": 3}
SETTINGS = {  # settings: as a recipe has them
    "default": {"sample": [14, 11, 2], "settings": {"width": 1}, "seed": 0},
    "released": {"sample": [11, 14, 2], "settings": {"width": 1}, "seed": 2},
    "paper-2018": {"sample": [19, 22, 3], "settings": {"width": 1, "refinement": "squaredMean", "noise": 0.25}, "seed": 0},
}
STEPS = 5


def networks(height, width, channels, w, paper):
    def norm(c):
        return nn.BatchNorm2d(c, eps=1e-6 if paper else 1e-5, momentum=0.1)

    down = [channels] + ([w, 2 * w, 4 * w, 8 * w] if paper else [2 * w, 4 * w, 8 * w])
    up = [8 * w] + ([4 * w, 2 * w, w] if paper else [2 * w, w]) + [channels]
    sides, layers = [(height, width)], []
    for a, b in zip(down, down[1:]):
        layers += [shared.Same(a, b, 5, 2), norm(b), nn.LeakyReLU(0.2)]
        sides.append(tuple(-(-n // 2) for n in sides[-1]))
    sides.pop()
    for a, b in zip(up, up[1:]):
        layers += [shared.SameTransposed(a, b, 5, 2, sides.pop())] + ([norm(b), nn.ReLU()] if sides else [nn.Tanh()])
    D, a = [], channels
    for b in (w, 2 * w, 4 * w, 8 * w):
        D += [shared.Same(a, b, 5, 2)] + [norm(b)] * (b > w) + [nn.LeakyReLU(0.2)]
        a = b
    D += [shared.ChannelsLast(), nn.Linear(8 * w * -(-height // 16) * -(-width // 16), 1)]
    return nn.Sequential(*layers), nn.Sequential(*D)


def bce(logits, targets):
    return F.binary_cross_entropy_with_logits(logits, torch.as_tensor(targets, dtype=logits.dtype).expand_as(logits))


def refinement(x, noisy, y, kind):
    if kind == "released":  # targets below 0 and above 1 are possible, so not by torch's function
        return (y.clamp(min=0) - y * noisy + torch.log1p(torch.exp(-y.abs()))).mean()
    squares = (x - y).square()
    return squares.mean() if kind == "squaredMean" else squares.sum((1, 2, 3)).mean()


def main(variant="default", seed=None):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    settings = {"detector": "alocc", "variant": variant} | SETTINGS[variant] | COMMON
    torch.manual_seed(settings["seed"] if seed is None else seed)
    (height, width, channels), own = settings["sample"], settings["settings"]
    kind = "released" if variant == "released" else own.get("refinement", "squaredSum")
    rounds, weight = (2, 0.2) if variant == "released" else (1, 0.4)
    R, D = networks(height, width, channels, own["width"], variant == "paper-2018")
    nets = {"refiner": R, "discriminator": D}
    golden.initialize(nets, deviation=0.2)
    kinks = golden.Kinks()
    kinks.watch(nets)
    movers = [golden.RMSProp(net.parameters(), 0.002) for net in (R, D)]

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width) * 2 - 1)

    record = golden.Record(nets, settings)
    record.stage("training", movers)
    for _ in range(STEPS):
        x = draw(settings["minibatch"])
        noise = golden.coarse(torch.randn_like(x))
        noisy = x + own.get("noise", 0.155) * noise
        y = R(noisy)
        losses = {"discriminator": bce(D(x), 1.0) + bce(D(y.detach()), 0.0)}
        found = [golden.gradients(losses["discriminator"], D.parameters())]
        movers[1].step()
        for number in range(rounds):
            if number > 0:
                y = R(noisy)
            losses["adversarial"], losses["refinement"] = bce(D(y), 1.0), refinement(x, noisy, y, kind)
            found.append(golden.gradients(losses["adversarial"] + weight * losses["refinement"], R.parameters()))
            movers[0].step()
        record.brief([x], [noise], losses, found[0] | found[1], *found[2:])
        kinks.check()
    for net in nets.values():
        net.eval()
    x = draw(settings["scored"])
    with torch.no_grad():
        y = R(x)
        record.finish(x, {"refined": -D(y).flatten(), "direct": -D(x).flatten(), "map": (x - y).abs().mean(1, keepdim=True)})
    name = "alocc" if variant == "default" else f"alocc-{variant}"
    record.write(Path(__file__).with_name(f"{name}.safetensors"))


if __name__ == "__main__":
    if len(sys.argv) > 2 or any(variant not in SETTINGS for variant in sys.argv[1:]):
        sys.exit(f"usage: alocc.py [{' | '.join(SETTINGS)}]")
    main(*sys.argv[1:])
