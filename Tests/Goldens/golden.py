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


class Record:
    """What a run leaves: the initial state, each step's inputs and results, and the scores."""

    def __init__(self, networks, settings):
        self.networks, self.settings, self.tensors = networks, settings, {}
        self.moments = {}
        self.put("initial", {name: ours(*v) for name, v in variables(networks).items()})

    def put(self, prefix, tensors):
        for name, tensor in tensors.items():
            # a copy: what is recorded must not move with the variable
            self.tensors[f"{prefix}/{name}"] = torch.as_tensor(tensor, dtype=torch.float64).detach().contiguous().clone()

    def input(self, name, tensor):
        """An input that `coarse` made, a byte a number."""
        self.tensors[name] = tensor.to(torch.float8_e5m2).contiguous()
        assert torch.equal(self.tensors[name].to(tensor.dtype), tensor), name

    def step(self, number, minibatch, losses, gradients, adams):
        """After a step; `gradients`: parameter -> gradient. Adam's moments follow from these and are left out of the
        file, after a look that PyTorch's are the same."""
        here, found = f"step{number}", variables(self.networks)
        self.input(f"{here}/minibatch", images(minibatch))
        self.put(f"{here}/loss", losses)
        self.put(f"{here}/gradient", {name: ours(layer, gradients[p]) for name, (layer, p) in found.items() if p in gradients})
        self.put(f"{here}/variable", {name: ours(*v) for name, v in found.items()})
        (beta1, beta2), count = adams[0].defaults["betas"], number + 1
        self.put(here, {"power1": beta1 ** count, "power2": beta2 ** count})
        kept = {p: state for adam in adams for p, state in adam.state.items()}
        assert kept.keys() == gradients.keys()
        for p, g in gradients.items():
            first, second = self.moments.get(p, (0, 0))
            first, second = self.moments[p] = beta1 * first + (1 - beta1) * g, beta2 * second + (1 - beta2) * g * g
            assert kept[p]["step"] == count
            torch.testing.assert_close(kept[p]["exp_avg"], first, rtol=1e-13, atol=1e-16)
            torch.testing.assert_close(kept[p]["exp_avg_sq"], second, rtol=1e-13, atol=1e-22)

    def write(self, path):
        versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0], "numpy": numpy.__version__,
                    "safetensors": safetensors.__version__}
        # one entry of metadata, since their order in the file is left to chance
        save_file(self.tensors, path, {"golden": json.dumps({"settings": self.settings, "versions": versions})})
        Path(path).chmod(0o644)
        print(f"{Path(path).name}: {len(self.tensors)} tensors, {Path(path).stat().st_size:,} bytes")
