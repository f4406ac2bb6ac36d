"""One update of f-AnoGAN's residual critic with gradient penalty (Schlegl et al. 2019), as `vigil bench critic`: the generator makes
its images with batch statistics and is not moved; noise is drawn beforehand on both sides."""

import torch
import torch.nn as nn

import timing

latent, width, weight = 128, 64, 10


def local(a, b, bias=False):
    return nn.Conv2d(a, b, 3, padding=1, bias=bias)


class Residual(nn.Module):
    def __init__(self, shortcut, main):
        super().__init__()
        self.shortcut, self.main = nn.Sequential(*shortcut), nn.Sequential(*main)

    def forward(self, x):
        return self.shortcut(x) + self.main(x)


def layer_norm(channels):
    return nn.GroupNorm(1, channels)  # over a sample, with scale and shift by channel


def batch_norm(channels):
    return nn.BatchNorm2d(channels, 1e-3, track_running_stats=False)


def widths(side):
    return [width * min(1 << k, 8) for k in range(side.bit_length() - 2)]


def critic(side, channels):
    wide = widths(side)
    blocks = [
        Residual(
            [nn.AvgPool2d(2), nn.Conv2d(a, b, 1)],
            [layer_norm(a), nn.ReLU(), local(a, a), layer_norm(a), nn.ReLU(), local(a, b, True), nn.AvgPool2d(2)],
        )
        for a, b in zip(wide, wide[1:])
    ]
    return nn.Sequential(local(channels, width, True), *blocks, nn.Flatten(), nn.Linear(16 * wide[-1], 1))


def generator(side, channels):
    wide = [8 * width] + widths(side)[-2::-1]
    blocks = [
        Residual(
            [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 1)],
            [batch_norm(a), nn.ReLU(), nn.Upsample(scale_factor=2), local(a, b), batch_norm(b), nn.ReLU(), local(b, b, True)],
        )
        for a, b in zip(wide, wide[1:])
    ]
    return nn.Sequential(
        nn.Linear(latent, 16 * wide[0]), nn.Unflatten(1, (wide[0], 4, 4)), *blocks, batch_norm(width), nn.ReLU(), local(width, channels, True), nn.Tanh()
    )


def initialize(module):
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        area = module.weight[0, 0].numel()
        gain = 4 if area == 9 and module.in_channels >= width else 2
        bound = (3 * gain / ((module.weight.shape[0] + module.weight.shape[1]) * area)) ** 0.5
        nn.init.uniform_(module.weight, -bound, bound)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def make(variant, sample, count):
    side, _, channels = sample
    d, g = critic(side, channels).apply(initialize), generator(side, channels).apply(initialize)
    d, g = timing.laid_out(d, variant), timing.laid_out(g, variant)
    x = timing.laid_out(torch.rand(count, channels, side, side) * 2 - 1, variant)
    z, alpha = torch.randn(count, latent), torch.rand(count, 1, 1, 1)
    adam = timing.adam(d.parameters(), variant, 1e-4, (0.0, 0.9))
    gradients = timing.Bucket(d.parameters())

    def norm_penalty(slope):
        return (((slope.flatten(1) ** 2).sum(1) + 1e-12).sqrt() - 1).square().mean()

    def update(losses):
        gradients.average()
        adam.step()
        return losses

    def released():
        with torch.no_grad():
            y = g(z)
        adam.zero_grad()
        between = (x + alpha * (y - x)).requires_grad_()
        slope, = torch.autograd.grad(d(between).sum(), between, create_graph=True)
        penalty, wasserstein = norm_penalty(slope), d(y).mean() - d(x).mean()
        (wasserstein + weight * penalty).backward()
        return update(dict(wasserstein=wasserstein, penalty=penalty))

    def optimized():
        """x and y in one pass, which no norm of D mixes."""
        with torch.no_grad():
            y = g(z)
        adam.zero_grad()
        between = (x + alpha * (y - x)).requires_grad_()
        slope, = torch.autograd.grad(d(between).sum(), between, create_graph=True)
        penalty, judged = norm_penalty(slope), d(torch.cat([y, x]))
        wasserstein = judged[:count].mean() - judged[count:].mean()
        (wasserstein + weight * penalty).backward()
        return update(dict(wasserstein=wasserstein, penalty=penalty))

    parameters = dict(d.named_parameters())

    def losses(parameters, y):
        def judge(x):
            return torch.func.functional_call(d, parameters, x)

        between = x + alpha * (y - x)
        penalty, judged = norm_penalty(torch.func.grad(lambda x: judge(x).sum())(between)), judge(torch.cat([y, x]))
        wasserstein = judged[:count].mean() - judged[count:].mean()
        return wasserstein + weight * penalty, (wasserstein, penalty)

    if variant == "compiled":
        # torch.compile does not differentiate twice through a compiled module, so what is compiled has all derivatives in it
        g.compile()
        slopes = torch.compile(torch.func.grad(losses, has_aux=True))

    def compiled():
        with torch.no_grad():
            y = g(z)
        found, (wasserstein, penalty) = slopes({name: p.detach() for name, p in parameters.items()}, y)
        for name, p in parameters.items():
            p.grad = found[name]
        return update(dict(wasserstein=wasserstein, penalty=penalty))

    return [d, g], dict(released=released, optimized=optimized, compiled=compiled)[variant]


if __name__ == "__main__":
    timing.serve(make)
