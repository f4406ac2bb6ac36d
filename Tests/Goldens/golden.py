"""What the golden programs share: names and layouts of variables, and the record of a run as a safetensors file.

Everything is float64, and every tensor is stored in Vigil's layout under Vigil's name; README.md lists the keys.
"""
import json
import platform
from pathlib import Path

import numpy
import safetensors
import torch
from safetensors.torch import save_file
from torch import nn

ROLES = {
    nn.BatchNorm2d: {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"},
    nn.BatchNorm1d: {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"},
}


def ours(layer, tensor):
    """A tensor of a layer in our layout: convolutions of both kinds [kernel height, kernel width, channels of the big
    side, channels of the small side], dense layers [inputs, outputs], vectors as they are."""
    if tensor.dim() == 4:
        return tensor.permute(2, 3, 1, 0)
    return tensor.T if isinstance(layer, nn.Linear) and tensor.dim() == 2 else tensor


def images(x):
    """Torch's [samples, channels, height, width] as ours, [samples, height, width, channels]."""
    return x.permute(0, 2, 3, 1)


def variables(networks):
    """Every variable of the named networks: its name here -> (layer, tensor).

    A sequence numbers those of its layers that have variables, nested sequences flattened."""
    found = {}
    for name, network in networks.items():
        layers = [m for m in network.modules() if [*m.parameters(recurse=False), *m.buffers(recurse=False)]]
        for number, layer in enumerate(layers):
            here = f"{name}.{number}" if isinstance(network, nn.Sequential) else name
            for key, tensor in layer.state_dict(keep_vars=True).items():
                if tensor.is_floating_point():  # batch norm also counts its calls
                    found[f"{here}.{ROLES.get(type(layer), {}).get(key, key)}"] = layer, tensor
    return found


def initialize(networks, deviation):
    """Generic weights: nothing is at its neutral value, and nothing saturates."""
    for layer, tensor in variables(networks).values():
        with torch.no_grad():
            if tensor.dim() > 1:
                tensor.normal_(0, deviation)
            elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and tensor is layer.weight:
                tensor.normal_(1, 0.2)
            elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and tensor is layer.running_var:
                tensor.uniform_(0.5, 1.5)
            else:
                tensor.normal_(0, 0.2)


def coarse(x):
    """The nearest numbers that one byte holds exactly, as does every wider type: minibatches take little of the file."""
    return x.to(torch.float8_e5m2).to(x.dtype)


class Kinks:
    """How near numbers come to where a slope jumps. Nearer than `limit`, float32 may take the other side. What is exactly 0 is
    made of nothing but zeros, by float32 as well."""

    def __init__(self, limit=1e-5):
        self.limit, self.nearest = limit, 1.0

    def note(self, x):
        sizes = x.detach().abs()
        self.nearest = min(self.nearest, sizes[sizes > 0].min().item())
        return x

    def watch(self, networks):
        def hook(_, inputs):
            self.note(inputs[0])

        for network in networks.values():
            for layer in network.modules():
                if isinstance(layer, (nn.ReLU, nn.LeakyReLU)):
                    layer.register_forward_pre_hook(hook)

    def check(self):
        if self.nearest < self.limit:
            raise SystemExit(f"a number comes within {self.nearest:.1e} of a kink; take another seed")


class RMSProp:
    """TensorFlow 1's: epsilon inside the root, the mean square from 1."""

    def __init__(self, parameters, rate, decay=0.9, epsilon=1e-10):
        self.parameters = list(parameters)
        self.defaults = {"rate": rate, "decay": decay, "epsilon": epsilon}
        self.state = {p: {"second": torch.ones_like(p)} for p in self.parameters}

    def step(self):
        rate, decay, epsilon = self.defaults["rate"], self.defaults["decay"], self.defaults["epsilon"]
        with torch.no_grad():
            for p in self.parameters:
                second = self.state[p]["second"]
                second.copy_(decay * second + (1 - decay) * p.grad * p.grad)
                p -= rate * p.grad / (second + epsilon).sqrt()


def gradients(loss, parameters, **keep):
    """The gradients of a loss by parameters, kept where optimizers look for them."""
    parameters = list(parameters)
    found = torch.autograd.grad(loss, parameters, **keep)
    for p, g in zip(parameters, found):
        p.grad = g
    return dict(zip(parameters, found))


class Record:
    """What a run leaves: the initial state, each step's inputs and results, and the scores."""

    def __init__(self, networks, settings, find=variables):
        """`find`: names of variables of networks that are no plain sequences."""
        self.networks, self.settings, self.tensors = networks, settings, {}
        self.moments = {}
        self.number, self.find = 0, find
        self.put("initial", {name: ours(*v) for name, v in find(networks).items()})

    def put(self, prefix, tensors):
        for name, tensor in tensors.items():
            # a copy: what is recorded must not move with the variable
            self.tensors[f"{prefix}/{name}"] = torch.as_tensor(tensor, dtype=torch.float64).detach().contiguous().clone()

    def input(self, name, tensor):
        """An input that `coarse` made, a byte a number."""
        self.tensors[name] = tensor.to(torch.float8_e5m2).contiguous()
        assert torch.equal(self.tensors[name].to(tensor.dtype), tensor), name

    def stage(self, name, optimizers):
        """Begins a stage; the file says by what its parameters move, which all its optimizers have in common."""
        defaults = optimizers[0].defaults
        if "rate" in defaults:  # no optimizer of torch
            mover = dict(defaults)
        else:
            mover = {"rate": defaults["lr"], "beta1": defaults["betas"][0], "beta2": defaults["betas"][1], "epsilon": defaults["eps"]}
        assert all(optimizer.defaults == defaults for optimizer in optimizers)
        self.settings.setdefault("stages", []).append({"name": name, "steps": 0} | mover)
        self.optimizers, self.moments = optimizers, {}

    def brief(self, minibatches, noises, losses, gradients, *further):
        """After a step; `further`: gradients of parameters that move once more. The file has its inputs, losses, gradients and running
        statistics; what optimizers keep and where they move parameters to follows from the gradients. Where they have got to stands there
        after the last step of all: `finish`."""
        here, found = f"step{self.number}", self.find(self.networks)
        for name, inputs in ("minibatch", minibatches), ("noise", noises):
            for place, tensor in enumerate(inputs):
                self.input(f"{here}/{name}{place}", images(tensor) if tensor.dim() == 4 else tensor)
        self.put(f"{here}/loss", losses)
        self.put(f"{here}/gradient", {name: ours(layer, gradients[p]) for name, (layer, p) in found.items() if p in gradients})
        for place, more in enumerate(further):
            self.put(f"{here}/gradient{place + 2}", {name: ours(layer, more[p]) for name, (layer, p) in found.items() if p in more})
        self.put(f"{here}/variable", {name: t for name, (_, t) in found.items() if not isinstance(t, nn.Parameter)})
        self.number += 1
        self.settings["stages"][-1]["steps"] += 1
        self.follow(gradients, *further)

    def follow(self, *gradients):
        """Makes sure that what optimizers keep follows from the gradients, in the order of the moves."""
        mover = self.settings["stages"][-1]
        share, shares = mover.get("beta1", 0), mover.get("decay", mover.get("beta2"))
        for moved in gradients:
            for p, g in moved.items():
                first, second = self.moments.get(p, (0, 1 if "decay" in mover else 0))
                self.moments[p] = share * first + (1 - share) * g, shares * second + (1 - shares) * g * g
        kept = {p: state for optimizer in self.optimizers for p, state in optimizer.state.items()}
        assert kept.keys() == self.moments.keys()
        for p, (first, second) in self.moments.items():
            for name, own in ("exp_avg", first), ("exp_avg_sq", second), ("second", second):
                if name in kept[p]:
                    torch.testing.assert_close(kept[p][name], own, rtol=0, atol=1e-13 * own.abs().max().item())

    def finish(self, samples, scores, noises=()):
        """After the last step: every variable, and scores by it."""
        self.put(f"step{self.number - 1}/variable", {name: ours(*v) for name, v in self.find(self.networks).items()})
        self.input("scored", images(samples) if samples.dim() == 4 else samples)
        for place, tensor in enumerate(noises):
            self.input(f"scored/noise{place}", tensor)
        self.put("score", scores)

    def write(self, path):
        versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0], "numpy": numpy.__version__,
                    "safetensors": safetensors.__version__}
        # one entry of metadata, since their order in the file is left to chance
        save_file(self.tensors, path, {"golden": json.dumps({"settings": self.settings, "versions": versions})})
        Path(path).chmod(0o644)
        print(f"{Path(path).name}: {len(self.tensors)} tensors, {Path(path).stat().st_size:,} bytes")
