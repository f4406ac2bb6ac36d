"""GANomaly on MNIST in PyTorch, float32: the independent program that speed and quality are compared with.

    python3 pytorch.py MNIST --seed 0 --threads 1

MNIST: the folder of the four IDX files, gzipped or not. From the specification (detectors/gan-family.md, 1, corrected
protocol), with the released initialization and optimizer. One digit is abnormal; trained on the first normals of the
training split, tested on the whole test split, on running statistics. Prints AUROC of latentL1 after each epoch, and
samples per second of training alone, of the clock and of processor time (which other programs disturb less).
"""
import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn


def idx(folder, name):
    """An IDX file of bytes: two zeros, the type 8, the rank, big-endian extents, then the numbers."""
    path = next(p for p in (Path(folder, name + ".gz"), Path(folder, name)) if p.exists())
    raw = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    if raw[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: not an IDX file of bytes")
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return torch.tensor(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape))


def images(pixels, side=32):
    """Bytes to [-1, 1], resized bilinearly: centers of pixels on centers, no antialiasing."""
    x = pixels[:, None].float() / 127.5 - 1
    return F.interpolate(x, (side, side), mode="bilinear", align_corners=False).contiguous(memory_format=torch.channels_last)


def trunk(channels, f, n):
    yield from (nn.Conv2d(channels, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True))
    for i in range(1, n + 1):
        yield from (nn.Conv2d(f << (i - 1), f << i, 4, 2, 1, bias=False), nn.BatchNorm2d(f << i), nn.LeakyReLU(0.2, inplace=True))


def encoder(code, channels=1, f=64, n=2):
    return nn.Sequential(*trunk(channels, f, n), nn.Conv2d(f << n, code, 4, bias=False))


def decoder(code, channels=1, f=64, n=2):
    layers = [nn.ConvTranspose2d(code, f << n, 4, bias=False), nn.BatchNorm2d(f << n), nn.ReLU(inplace=True)]
    for i in range(n, 0, -1):
        layers += [nn.ConvTranspose2d(f << i, f << (i - 1), 4, 2, 1, bias=False), nn.BatchNorm2d(f << (i - 1)), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(f, channels, 4, 2, 1, bias=False), nn.Tanh())


def initialize(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
        nn.init.zeros_(module.bias)


class GANomaly:
    def __init__(self, code=100, f=64, n=2):
        self.E, self.G, self.R = encoder(code), decoder(code), encoder(code)
        self.D, self.head = nn.Sequential(*trunk(1, f, n)), nn.Conv2d(f << n, 1, 4, bias=False)
        for network in self.networks:
            network.apply(initialize).to(memory_format=torch.channels_last)
        self.groups = [[p for network in group for p in network.parameters()] for group in ((self.E, self.G, self.R), (self.D, self.head))]
        self.adams = [self.adam(group) for group in self.groups]

    @property
    def networks(self):
        return self.E, self.G, self.R, self.D, self.head

    @staticmethod
    def adam(parameters):
        return torch.optim.Adam(parameters, 2e-4, (0.5, 0.999), fused=True)

    def step(self, x):
        """Section 1 (e). D passes x and x̂ once each: it does not change between the two losses."""
        z = self.E(x)
        y = self.G(z)
        w = self.R(y)
        real, fake = self.D(x), self.D(y)
        contextual = F.l1_loss(y, x)
        generator = F.mse_loss(fake, real.detach()) + 50 * contextual + F.mse_loss(w, z)
        a, b = self.head(real), self.head(fake)
        discriminator = 0.5 * (F.softplus(-a).mean() + F.softplus(b).mean())  # bce(a, 1), bce(b, 0)
        slopes = [torch.autograd.grad(loss, group, retain_graph=True) for loss, group in zip((generator, discriminator), self.groups)]
        for adam, group, gradients in zip(self.adams, self.groups, slopes):
            for p, g in zip(group, gradients):
                p.grad = g
            adam.step()
        if discriminator.item() < 1e-5:
            self.D.apply(initialize)
            self.head.apply(initialize)
            self.adams[1] = self.adam(self.groups[1])
        return contextual.item(), discriminator.item()

    @torch.no_grad()
    def latent_l1(self, x):
        for network in self.networks:
            network.eval()
        scores = [(z - self.R(self.G(z))).abs().sum((1, 2, 3)) for z in map(self.E, x.split(500))]
        for network in self.networks:
            network.train()
        return torch.cat(scores)


def main():
    parser = argparse.ArgumentParser(description="GANomaly on MNIST in PyTorch: AUROC and samples per second")
    parser.add_argument("folder", help="of the four IDX files of MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--abnormal", type=int, default=2, help="the digit left out of training")
    parser.add_argument("--samples", type=int, default=12_800, help="the first normals of the training split")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--minibatch", type=int, default=64)
    parser.add_argument("--threads", type=int, help="of PyTorch; its own choice if not given")
    parser.add_argument("--steps", type=int, help="stop after so many steps and do not test: a measure of speed")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    labels = idx(options.folder, "train-labels-idx1-ubyte")
    normals = (labels != options.abnormal).nonzero().flatten()[: options.samples]
    x = images(idx(options.folder, "train-images-idx3-ubyte")[normals])
    detector, seconds, busy, steps = GANomaly(), 0.0, 0.0, 0
    for epoch in range(1, options.epochs + 1):
        started, worked, first = time.perf_counter(), time.process_time(), steps
        for places in torch.randperm(len(x)).split(options.minibatch):
            if len(places) < options.minibatch or steps == options.steps:
                break
            contextual, discriminator = detector.step(x[places].contiguous(memory_format=torch.channels_last))
            steps += 1
        seconds += time.perf_counter() - started
        busy += time.process_time() - worked
        if steps > first:
            print(f"epoch {epoch}: step {steps}, contextual {contextual:.4f}, discriminator {discriminator:.4f}, "
                  f"{steps * options.minibatch / seconds:.1f} samples/s", flush=True)
        if options.steps is None:
            truth = idx(options.folder, "t10k-labels-idx1-ubyte") == options.abnormal
            scores = detector.latent_l1(images(idx(options.folder, "t10k-images-idx3-ubyte")))
            print(f"epoch {epoch}: AUROC {roc_auc_score(truth.numpy(), scores.numpy()):.4f}", flush=True)
    samples = steps * options.minibatch
    print(f"torch {torch.__version__.split('+')[0]}, seed {options.seed}, {torch.get_num_threads()} threads: "
          f"{samples / seconds:.1f} samples/s, {samples / busy:.1f} samples per second of processor time")


if __name__ == "__main__":
    main()
