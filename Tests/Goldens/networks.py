"""What golden programs of several networks share, whose steps draw several minibatches and noise: layers, draws, averages.

`golden.py` has names, layouts and the record.
"""
import contextlib
import copy

import torch
import torch.nn.functional as F
from torch import nn

import golden


class Noises:
    """What a run draws, as the inputs that a step has for it in the order of the draws; all of it coarse."""

    def __init__(self):
        self.drawn = []

    def take(self):
        """What was drawn since the last call."""
        drawn, self.drawn = self.drawn, []
        return drawn

    def keep(self, x, own=lambda x: x):
        self.drawn.append(own(x))
        return x

    def normal(self, *shape):
        return self.keep(golden.coarse(torch.randn(*shape)))

    def uniform(self, *shape):
        return self.keep(golden.coarse(torch.rand(*shape)))


class Dropout(nn.Module):
    """Zero where a draw is at most the rate, else divided by the rest; draws keep away from the rate, where types may differ."""

    def __init__(self, rate, noises):
        super().__init__()
        self.rate, self.noises = rate, noises

    def forward(self, x):
        if not self.training:
            return x
        kept = torch.rand_like(x) >= self.rate
        drawn = torch.where(kept, golden.coarse((1 + self.rate) / 2 * torch.ones_like(x)), golden.coarse(self.rate / 2 * torch.ones_like(x)))
        self.noises.keep(drawn, golden.images if x.dim() == 4 else lambda x: x)
        return x * kept / (1 - self.rate)


def padding(side, kernel, stride):
    """TensorFlow's SAME: zeros before and after a side."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class Same(nn.Conv2d):
    """A convolution with TensorFlow's padding."""

    def forward(self, x):
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        return super().forward(F.pad(x, (*padding(x.shape[3], kernel, stride), *padding(x.shape[2], kernel, stride))))


class SameTransposed(nn.ConvTranspose2d):
    """The adjoint of Same, on images of the stated sides, or of `stride` times as long ones."""

    def __init__(self, a, b, kernel, stride, sides=None):
        super().__init__(a, b, kernel, stride)
        self.sides = sides

    def forward(self, x):
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = self.sides or (stride * x.shape[2], stride * x.shape[3])
        top, left = padding(height, kernel, stride)[0], padding(width, kernel, stride)[0]
        return super().forward(x)[:, :, top : top + height, left : left + width]


class ChannelsLast(nn.Module):
    """Images to vectors as ours meet dense layers: [height, width, channels]."""

    def forward(self, x):
        return golden.images(x).flatten(1)


class Grid(nn.Module):
    """Vectors to images, the way back."""

    def __init__(self, height, width):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        return x.view(len(x), self.height, self.width, -1).permute(0, 3, 1, 2)


class Kinks:
    """How near what activations met came to where their slope changes."""

    def __init__(self, networks):
        self.least = float("inf")
        for network in networks.values():
            for layer in network.modules():
                if isinstance(layer, (nn.LeakyReLU, nn.ReLU)):
                    layer.register_forward_pre_hook(lambda _, inputs: self.meet(inputs[0]))

    def meet(self, x):
        # what is exactly 0 comes of nothing but zeros
        self.least = min([self.least, *x.detach()[x != 0].abs().flatten().tolist()])


@contextlib.contextmanager
def frozen(*networks):
    """Batch norm by the minibatch's statistics, the running ones as they are."""
    norms = [m for network in networks for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 0
    yield
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum


def averages(networks):
    """Copies that follow networks; they begin as these do."""
    return {f"averages.{name}": copy.deepcopy(network) for name, network in networks.items()}


def follow(copies, networks, decay):
    """Parameters on average, and everything else as it is."""
    with torch.no_grad():
        for name, network in networks.items():
            own = copies[f"averages.{name}"]
            for e, p in zip(own.parameters(), network.parameters()):
                e.mul_(decay).add_((1 - decay) * p)
            for e, b in zip(own.buffers(), network.buffers()):
                e.copy_(b)


class Adam:
    """Adam whose count of steps may be another's too."""

    def __init__(self, parameters, rate, beta1, beta2, epsilon, count):
        self.parameters, self.rate, self.betas, self.epsilon, self.count = list(parameters), rate, (beta1, beta2), epsilon, count
        self.first, self.second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))

    def step(self, gradients):
        self.count[0] += 1
        with torch.no_grad():
            for p, m, v, g in zip(self.parameters, self.first, self.second, gradients):
                m.mul_(self.betas[0]).add_((1 - self.betas[0]) * g)
                v.mul_(self.betas[1]).add_((1 - self.betas[1]) * g * g)
                p -= self.rate * m / (1 - self.betas[0] ** self.count[0]) / ((v / (1 - self.betas[1] ** self.count[0])).sqrt() + self.epsilon)


class Record(golden.Record):
    """A record of one stage of steps whose variables and optimizers' states need not follow from the gradients."""

    def __init__(self, networks, settings, recipe):
        """`recipe`: what a recipe calls settings -> what the program calls them."""
        about = ("detector", "variant", "sample", "minibatch", "microbatch", "scored", "seed", "averageDecay", "averaged")
        own = {name: settings[key] for name, key in recipe.items() if settings[key]}
        stage = {"name": "training"} | {key: settings[key] for key in ("steps", "rate", "beta1", "beta2", "epsilon")}
        super().__init__(networks, {key: settings[key] for key in about if key in settings} | {"settings": own, "stages": [stage]})

    def inputs(self, number, minibatches, noises):
        """What a step is given, in the order in which it asks."""
        for place, x in enumerate(minibatches):
            self.input(f"step{number}/minibatch{place}", golden.images(x) if x.dim() == 4 else x)
        for place, x in enumerate(noises):
            self.input(f"step{number}/noise{place}", x)

    def outcome(self, number, losses, gradients, optimizers):
        """After a step; `gradients`: parameter -> gradient, of parameters that one update of the step moves. Adam's moments follow from
        these and are left out of the file, after a look that they do."""
        here, found = f"step{number}", golden.variables(self.networks)
        self.put(f"{here}/loss", losses)
        self.put(f"{here}/gradient", {name: golden.ours(layer, gradients[p]) for name, (layer, p) in found.items() if p in gradients})
        self.put(f"{here}/variable", {name: golden.ours(*v) for name, v in found.items()})
        self.moments = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in gradients} if number == 0 else self.moments
        for optimizer in optimizers:
            beta1, beta2 = optimizer.betas
            self.put(here, {"power1": beta1 ** optimizer.count[0], "power2": beta2 ** optimizer.count[0]})
            for p, *kept in zip(optimizer.parameters, optimizer.first, optimizer.second):
                first, second = self.moments[p]
                self.moments[p] = beta1 * first + (1 - beta1) * gradients[p], beta2 * second + (1 - beta2) * gradients[p] ** 2
                for mine, theirs in zip(self.moments[p], kept):
                    torch.testing.assert_close(mine, theirs, rtol=1e-13, atol=1e-22)

    def again(self, number, gradients):
        """The gradients of a second update of a step that moves the same parameters."""
        found = golden.variables(self.networks)
        self.put(f"step{number}/again", {name: golden.ours(layer, gradients[p]) for name, (layer, p) in found.items() if p in gradients})

    def kept(self, number, group, optimizer):
        """What an optimizer keeps, where it does not follow from the gradients of the file."""
        names = {p: (name, layer) for name, (layer, p) in golden.variables(self.networks).items()}
        here = f"step{number}/optimizer/{group}"
        for kind, moments in ("first", optimizer.first), ("second", optimizer.second):
            for p, moment in zip(optimizer.parameters, moments):
                name, layer = names[p]
                self.put(f"{here}/{kind}", {name: golden.ours(layer, moment)})
        self.put(here, {"power1": optimizer.betas[0] ** optimizer.count[0], "power2": optimizer.betas[1] ** optimizer.count[0]})
