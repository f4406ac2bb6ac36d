"""Golden steps of the compact OCGAN in float64 PyTorch, written from the specification (detectors/gan-family.md, 9, preset compact-28).

    python3 ocgan_compact.py        ocgan-compact.safetensors, ocgan-compact-released.safetensors
"""
import itertools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks

OWN = {"width": 1, "visualWidth": 1, "latentWidth": 8, "noise": 0.25, "classifierSteps": 3, "latentSteps": 2, "visualSteps": 3,
       "autoencoderSteps": 2, "miningSteps": 3, "miningRate": 40}
COMMON = {"detector": "ocgan-compact", "sample": [28, 28, 2], "minibatch": 3, "microbatch": 2, "scored": 3}
STAGES = {"reconstruction": 2, "training": 3}
RATES = {"reconstruction": 3e-4, "classifier": 1e-4, "latentDiscriminator": 1e-5, "visualDiscriminator": 1e-5, "decoder+encoder": 3e-5}


def build(channels, w, q, first):
    def norm(c, kind=nn.BatchNorm2d):
        return kind(c, eps=1e-3)

    def pair(layer, a, b, padding):
        return [layer(a, b, 3, padding=padding), nn.Tanh(), layer(b, b, 3, padding=padding), nn.Tanh()]

    En = [*pair(nn.Conv2d, channels, w, 1), norm(w), nn.MaxPool2d(2), *pair(nn.Conv2d, w, 2 * w, 1), norm(2 * w), nn.MaxPool2d(2),
          *pair(nn.Conv2d, 2 * w, w, 0)]
    De = []
    for a, b, padding in (w, w, 1), (w, 2 * w, 1), (2 * w, 2 * w, 0):
        De += [nn.Upsample(scale_factor=2), *pair(nn.ConvTranspose2d, a, b, padding), norm(b)]
    De += [nn.ConvTranspose2d(2 * w, channels, 3, padding=1), nn.Sigmoid()]

    def critic(*widths):
        layers = []
        for a, b in itertools.pairwise((channels, *widths)):
            layers += [networks.Same(a, b, 5, 2), norm(b), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, networks.Same(widths[-1], 1, 5, 2))

    Dl, sizes = [networks.ChannelsLast()], [9 * w] + [first >> i for i in range(4)]
    for a, b in itertools.pairwise(sizes):
        Dl += [nn.Linear(a, b), norm(b, nn.BatchNorm1d), nn.ReLU()]
    return {"encoder": nn.Sequential(*En), "decoder": nn.Sequential(*De), "latentDiscriminator": nn.Sequential(*Dl, nn.Linear(sizes[-1], 1)),
            "visualDiscriminator": critic(q, q, q), "classifier": critic(2 * q, 4 * q, 4 * q)}


def bce(logits, target):
    logits = logits.flatten(1).mean(1)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def judged(logits, target):
    return bce(logits, target).mean()


def mine(places, De, C, variant, kinks):
    """Toward codes that C calls fake: each sample's own loss, renewed; or one slope of the mean, applied again and again."""
    def slope(codes):
        codes = codes.detach().requires_grad_()
        losses = bce(C(De(codes)), 0.0)
        return torch.autograd.grad(losses.mean() if variant == "released" else losses.sum(), codes)[0]

    same, inside = slope(places), places
    for _ in range(OWN["miningSteps"]):
        places = places - OWN["miningRate"] * (same if variant == "released" else slope(places))
        kinks.meet(places.abs() - 1)
        places = places.clamp(-1, 1)
    assert (places - inside).abs().max() > 0.01
    return places.detach()


def run(variant, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    torch.manual_seed(seed)
    height, width, channels = COMMON["sample"]
    nets = build(channels, OWN["width"], OWN["visualWidth"], OWN["latentWidth"])
    golden.initialize(nets, deviation=0.4)
    kinks, noises = networks.Kinks(nets), networks.Noises()
    for network in nets.values():  # batch norm never learns that it is in training
        network.eval()
    En, De, Dl, Dv, C = nets.values()
    groups = {"decoder+encoder": [*En.parameters(), *De.parameters()], "classifier": [*C.parameters()],
              "latentDiscriminator": [*Dl.parameters()], "visualDiscriminator": [*Dv.parameters()]}
    adams = {}

    def begin(stage):
        for name, own in groups.items():
            rate = RATES["reconstruction" if stage == "reconstruction" and name == "decoder+encoder" else name]
            adams[name] = networks.Adam(own, rate, 0.9, 0.999, 1e-8, [0])

    def move(name, loss):
        found = torch.autograd.grad(loss, groups[name])
        adams[name].step(found)
        return dict(zip(groups[name], found))

    def draw(samples):
        return golden.coarse(torch.rand(samples, channels, height, width))

    def code(like):
        """Codes from U(-1, 1), drawn as ours lie in memory."""
        u = golden.coarse(torch.rand_like(like))
        return 2 * noises.keep(u, golden.images) - 1

    def reconstruct(x, noisy):
        losses = {"reconstruction": (x - De(En(noisy))).square().mean()}
        return losses, move("decoder+encoder", losses["reconstruction"])

    def train(x, noisy):
        losses = {}
        with torch.no_grad():
            l1 = En(noisy)
            y = De(l1)
        for _ in range(OWN["classifierSteps"]):
            losses["classifier"] = 0.5 * (judged(C(y), 1.0) + judged(C(De(code(l1)).detach()), 0.0))
            move("classifier", losses["classifier"])
        for _ in range(OWN["latentSteps"]):
            losses["latent"] = 0.5 * (judged(Dl(code(l1)), 1.0) + judged(Dl(l1), 0.0))
            move("latentDiscriminator", losses["latent"])
        for _ in range(OWN["visualSteps"]):
            losses["visual"] = 0.5 * (judged(Dv(x), 1.0) + judged(Dv(De(code(l1)).detach()), 0.0))
            move("visualDiscriminator", losses["visual"])
        negative = mine(code(l1), De, C, variant, kinks)
        for _ in range(OWN["autoencoderSteps"]):
            own = En(noisy)
            losses["reconstruction"] = (x - De(own)).square().mean()
            losses["autoencoder"] = 10 * losses["reconstruction"] + judged(Dl(own), 1.0) + judged(Dv(De(negative)), 1.0)
            move("decoder+encoder", losses["autoencoder"])
        return losses, {}

    settings = COMMON | {"variant": variant, "seed": seed, "steps": 0, "rate": 0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    record = networks.Record(nets, settings | OWN, {name: name for name in OWN})
    record.settings["stages"] = [{"name": name, "steps": steps, "rate": RATES.get(name, 0), "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
                                 for name, steps in STAGES.items()]
    number = 0
    for (stage, steps), procedure in zip(STAGES.items(), (reconstruct, train)):
        begin(stage)
        for _ in range(steps):
            x = draw(COMMON["minibatch"])
            noisy = x + OWN["noise"] * noises.keep(golden.coarse(torch.randn_like(x)), golden.images)
            losses, gradients = procedure(x, noisy)
            record.inputs(number, [x], noises.take())
            record.outcome(number, losses, gradients, [])
            for name, adam in adams.items():
                # the first step says which optimizers the file tells apart; those of the other stage keep nothing
                if number == 0 or adam.count[0] > 0:
                    record.kept(number, name, adam)
            number += 1
    x = draw(COMMON["scored"])
    record.input("scored", golden.images(x))
    with torch.no_grad():
        y = De(En(x))
        kinks.meet(x - y)
        record.put("score", {"reconstruction": (x - y).square().mean((1, 2, 3)), "visual": -Dv(y).flatten(1).mean(1),
                             "direct": -Dv(x).flatten(1).mean(1), "map/residual": (x - y).abs().mean(1)})
    return record if kinks.least > 1e-5 else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for variant, name in ("default", "ocgan-compact"), ("released", "ocgan-compact-released"):
        record = next(filter(None, (run(variant, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"{name}.safetensors"))
