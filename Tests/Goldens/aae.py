"""Golden steps of the adversarial autoencoders in float64 PyTorch, written from the specification (detectors/ae-family.md, 0 and 3).

    python3 aae.py              aae-images.safetensors, aae-vectors.safetensors, aae-plain.safetensors, aae-released.safetensors
"""
import itertools
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch import nn

import golden
import networks

SETTINGS = {
    "images": {"sample": [6, 8, 2], "latent": 3, "width": 2, "halvings": 1, "critic": 4},
    "vectors": {"sample": [9], "latent": 3, "width": 6, "halvings": 0, "critic": 4},
    "plain": {"sample": [9], "latent": 2, "width": 4, "halvings": 0, "critic": 3, "variant": "plain", "lambda": 0, "beta1": 0.9, "beta2": 0.999},
    "released": {"sample": [9], "latent": 2, "width": 4, "halvings": 0, "critic": 3, "variant": "released"},
}
COMMON = {"detector": "aae", "variant": "default", "minibatch": 5, "microbatch": 2, "steps": 5, "rate": 2e-4, "beta1": 0.5, "beta2": 0.9,
          "epsilon": 1e-8, "lambda": 0.5, "penalty": 10, "criticSteps": 3, "scored": 4}


class Same(nn.Module):
    """TensorFlow's padding of a 3×3 convolution, of stride 2: a zero after, none before; transposed: the same the other way."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if isinstance(self.layer, nn.Conv2d):
            return self.layer(F.pad(x, (0, 1, 0, 1)))
        return self.layer(x)[:, :, : 2 * x.shape[2], : 2 * x.shape[3]]


def block(layer, a, b, stride):
    same = layer(a, b, 3, 1, 1) if stride == 1 else Same(layer(a, b, 3, 2))
    return [same, nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]


class Chain:
    """A network under the names of its parts; a pair of parts is added up."""

    def __init__(self, name, *parts):
        self.parts, self.named, number = [], {}, 0
        for part in parts:
            if isinstance(part, tuple):
                shortcut, main = (nn.Sequential(*layers) for layers in part)
                self.named |= {f"{name}.{number}.shortcut": shortcut, f"{name}.{number}.main": main}
                self.parts.append(lambda x, ways=(shortcut, main): ways[0](x) + ways[1](x))
            else:
                self.parts.append(part)
                if not [*part.parameters(), *part.buffers()]:
                    if isinstance(part, nn.LeakyReLU):
                        self.named[f"{name}.activation{len(self.parts)}"] = part
                    continue
                self.named[f"{name}.{number}"] = part
            number += 1

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def train(self, training):
        for part in self.named.values():
            part.train(training)

    def parameters(self):
        return [p for part in self.named.values() for p in part.parameters()]


def images(sample, latent, width, halvings):
    height, breadth, channels = sample
    rows, columns, widest = height >> halvings, breadth >> halvings, width << halvings
    widths = [width << i for i in range(halvings)]
    down = [(block(nn.Conv2d, w, 2 * w, 2), block(nn.Conv2d, w, w, 2) + block(nn.Conv2d, w, 2 * w, 1)) for w in widths]
    up = [(block(nn.ConvTranspose2d, w, w // 2, 2), block(nn.ConvTranspose2d, w, w, 2) + block(nn.ConvTranspose2d, w, w // 2, 1))
          for w in reversed(widths)]
    encoder = Chain("encoder", nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2), nn.BatchNorm2d(width), nn.LeakyReLU(0.2), *down,
                    networks.ChannelsLast(), nn.Linear(rows * columns * widest, latent))
    decoder = Chain("decoder", nn.Linear(latent, rows * columns * widest), nn.LeakyReLU(0.2), networks.Grid(rows, columns),
                    nn.Conv2d(widest, widest // 2, 3, 1, 1), nn.LeakyReLU(0.2), *up, nn.Conv2d(width // 2, channels, 3, 1, 1))
    return encoder, decoder


def vectors(features, latent, width):
    def through(*sizes):
        hidden = [(nn.Linear(a, b, bias=False), nn.BatchNorm1d(b, eps=1e-4, affine=False), nn.LeakyReLU(0.01)) for a, b in zip(sizes, sizes[1:-1])]
        return [layer for layers in hidden for layer in layers] + [nn.Linear(sizes[-2], sizes[-1], bias=False)]

    sizes = features, width, width // 2, latent
    return Chain("encoder", *through(*sizes)), Chain("decoder", *through(*reversed(sizes)), nn.Sigmoid())


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def round_of(model, adams, x, noises, settings):
    """Section 3 (e): the autoencoder, the critic of codes as they are then, and the encoder against it. The gradients of the encoder's
    second update stand apart."""
    encoder, decoder, critic = model
    losses, gradients, again = {}, {}, {}

    def move(name, loss, into):
        found = torch.autograd.grad(loss, adams[name].parameters, retain_graph=True)
        into.update(zip(adams[name].parameters, found))
        adams[name].step(found)

    z = encoder(x)
    y = decoder(z)
    losses["reconstruction"] = ((x - y).square().flatten(1).sum(1) + 1e-8).sqrt().mean()
    total = losses["reconstruction"]
    if settings["lambda"]:
        encoder.train(False)
        losses["consistency"] = (z - encoder(y)).square().sum(1).mean()
        encoder.train(True)
        total = total + settings["lambda"] * losses["consistency"]
    move("decoder+encoder", total, gradients)

    code, count, variant = encoder(x), len(x), settings["variant"]
    if variant == "plain":
        prior = noises.normal(count, settings["latent"])
        losses["critic"] = bce(critic(prior), 1.0) + bce(critic(code.detach()), 0.0)
        move("critic", losses["critic"], gradients)
        losses["adversarial"] = bce(critic(code), 1.0)
    else:
        prior = noises.normal(count, settings["latent"]) if variant == "released" else None
        for _ in range(settings["criticSteps"]):
            own = noises.normal(count, settings["latent"]) if prior is None else prior
            eta = noises.uniform(count)[:, None]
            between = (eta * own + (1 - eta) * code.detach()).requires_grad_()
            slope, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            losses["wasserstein"] = critic(own).mean() - critic(code.detach()).mean()
            losses["penalty"] = (slope.square().sum(1).sqrt() - 1).square().mean()
            move("critic", losses["wasserstein"] + settings["penalty"] * losses["penalty"], {})
        losses["adversarial"] = critic(code).mean()
    move("encoder", losses["adversarial"], again)
    return losses, gradients, again


def score(x, encoder, decoder, kinks):
    for network in encoder, decoder:
        network.train(False)
    with torch.no_grad():
        z = encoder(x)
        y = decoder(z)
        kinks.meet(x - y)
        difference = (x - y).abs()
        scores = {"residual": difference.flatten(1).mean(1), "latent": (z - encoder(y)).square().sum(1).sqrt()}
        if x.dim() == 4:
            residual = difference.mean(1)
            scores |= {"map/residual": residual, "percentile": torch.from_numpy(numpy.percentile(residual.flatten(1).numpy(), 99, axis=1))}
        return scores


def run(kind, seed):
    """A run whose numbers all keep away from the kinks, or nothing."""
    settings = {"kind": kind, "seed": seed} | COMMON | SETTINGS[kind]
    torch.manual_seed(seed)
    sample, latent, noises = settings["sample"], settings["latent"], networks.Noises()
    if kind == "images":
        encoder, decoder = images(sample, latent, settings["width"], settings["halvings"])
    else:
        encoder, decoder = vectors(sample[0], latent, settings["width"])
    first = settings["critic"]
    second = 2 * first if kind == "images" else first
    critic = nn.Sequential(nn.Linear(latent, first), nn.LeakyReLU(0.2), nn.Linear(first, second), nn.LeakyReLU(0.2), nn.Linear(second, 1))
    nets = encoder.named | decoder.named | {"critic": critic}
    golden.initialize(nets, deviation=0.4)
    kinks = networks.Kinks(nets)
    groups = {"decoder+encoder": [*encoder.parameters(), *decoder.parameters()], "critic": critic.parameters(), "encoder": encoder.parameters()}
    adams = {name: networks.Adam(own, settings["rate"], settings["beta1"], settings["beta2"], settings["epsilon"], [0])
             for name, own in groups.items()}

    def draw(samples):
        if len(sample) == 1:  # as the sigmoid gives them back
            return golden.coarse(torch.rand(samples, *sample))
        return golden.coarse(torch.rand(samples, sample[2], *sample[:2]) * 2 - 1)

    recipe = {name: name for name in ("latent", "width", "halvings", "critic", "criticSteps", "penalty", "beta1", "beta2")}
    record = networks.Record(nets, settings, recipe | {"earlyCriticSteps": "criticSteps", "learningRate": "rate"})
    plain = settings["variant"] == "plain"
    followed = [name for name in adams if name == "decoder+encoder" or plain and name == "critic"]  # theirs follow from their gradients
    for number in range(settings["steps"]):
        x = draw(settings["minibatch"])
        losses, gradients, again = round_of((encoder, decoder, critic), adams, x, noises, settings)
        record.inputs(number, [x], noises.take())
        record.outcome(number, losses, gradients, [adams[name] for name in followed])
        record.again(number, again)
        for name in set(adams) - set(followed):
            record.kept(number, name, adams[name])
    x = draw(settings["scored"])
    record.input("scored", golden.images(x) if x.dim() == 4 else x)
    record.put("score", score(x, encoder, decoder, kinks))
    return record if kinks.least > 1e-5 else None


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for kind in SETTINGS:
        record = next(filter(None, (run(kind, seed) for seed in itertools.count())))
        record.write(Path(__file__).with_name(f"aae-{kind}.safetensors"))
