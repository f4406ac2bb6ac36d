"""GANomaly's training step (Akcay et al. 2018) as its released program does it since October 2019, and as fast as PyTorch can do it."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch._functorch import config as autograd_config

import timing

latent, width = 100, 64


class Encoder(nn.Module):
    def __init__(self, side, channels, code):
        super().__init__()
        layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
        wide, side = width, side // 2
        while side > 4:
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * wide), nn.LeakyReLU(0.2, True)]
            wide, side = 2 * wide, side // 2
        self.features = nn.Sequential(*layers)
        self.last = nn.Conv2d(wide, code, 4, bias=False)

    def forward(self, x):
        features = self.features(x)
        return self.last(features), features


def decoder(side, channels):
    wide = width * side // 8
    layers = [nn.ConvTranspose2d(latent, wide, 4, bias=False), nn.BatchNorm2d(wide), nn.ReLU(True)]
    while wide > width:
        layers += [nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(wide // 2), nn.ReLU(True)]
        wide //= 2
    return nn.Sequential(*layers, nn.ConvTranspose2d(wide, channels, 4, 2, 1, bias=False), nn.Tanh())


class Generator(nn.Module):
    def __init__(self, side, channels):
        super().__init__()
        self.encoder, self.decoder = Encoder(side, channels, latent), decoder(side, channels)
        self.second = Encoder(side, channels, latent)

    def forward(self, x):
        z = self.encoder(x)[0]
        y = self.decoder(z)
        return y, z, self.second(y)[0]


def initialize(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def make(variant, sample, count):
    side, _, channels = sample
    g, d = Generator(side, channels).apply(initialize), Encoder(side, channels, 1).apply(initialize)
    x = timing.laid_out(torch.rand(count, channels, side, side) * 2 - 1, variant)
    g, d = timing.laid_out(g, variant), timing.laid_out(d, variant)
    if variant == "compiled":
        # D's graph is walked twice, so its buffers may not be given away in the first walk
        autograd_config.donated_buffer = False
        for network in (g.encoder, g.decoder, g.second, d.features):
            network.compile()
    of_g, of_d = (timing.adam(network.parameters(), variant, 2e-4, (0.5, 0.999)) for network in (g, d))
    gradients_g, gradients_d = timing.Bucket(g.parameters()), timing.Bucket(d.parameters())
    gradients = timing.Bucket([*g.parameters(), *d.parameters()])
    real, fake = torch.ones(count), torch.zeros(count)

    def released():
        y, z, z2 = g(x)
        on_real, on_fake = torch.sigmoid(d(x)[0]).view(-1), torch.sigmoid(d(y.detach())[0]).view(-1)
        of_g.zero_grad()
        adversarial = F.mse_loss(d(x)[1], d(y)[1])
        contextual, encoding = F.l1_loss(y, x), F.mse_loss(z2, z)
        (adversarial + 50 * contextual + encoding).backward(retain_graph=True)
        gradients_g.average()
        of_g.step()
        of_d.zero_grad()
        discriminator = 0.5 * (F.binary_cross_entropy(on_real, real) + F.binary_cross_entropy(on_fake, fake))
        discriminator.backward()
        gradients_d.average()
        of_d.step()
        discriminator.item()  # the released program looks at it after every step
        return dict(adversarial=adversarial, contextual=contextual, encoding=encoding, discriminator=discriminator)

    def optimized():
        """D once on x and once on y; no slope by D's weights of G's loss, none by y of D's; gradients of both in one message."""
        y, z, z2 = g(x)
        image = y.detach().requires_grad_()
        features, features2 = d.features(x), d.features(image)
        on_real, on_fake = d.last(features).view(-1), d.last(features2).view(-1)
        adversarial = F.mse_loss(features2, features.detach())
        contextual, encoding = F.l1_loss(y, x), F.mse_loss(z2, z)
        discriminator = 0.5 * (F.softplus(-on_real).mean() + F.softplus(on_fake).mean())
        of_g.zero_grad(), of_d.zero_grad()
        slope, = torch.autograd.grad(adversarial, image, retain_graph=True)
        torch.autograd.backward([50 * contextual + encoding, y], [None, slope])
        discriminator.backward(inputs=list(d.parameters()))
        gradients.average()
        of_g.step(), of_d.step()
        return dict(adversarial=adversarial, contextual=contextual, encoding=encoding, discriminator=discriminator)

    return [g, d], released if variant == "released" else optimized


if __name__ == "__main__":
    timing.serve(make)
