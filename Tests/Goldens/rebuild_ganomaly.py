"""Rebuilds GANomaly in PyTorch from `vigil export --safetensors FILE` and compares its scores with those of `vigil score`.

    python3 rebuild_ganomaly.py FILE SET/test-00000.h5 DIR/scores.h5
"""
import json
import sys

import h5py
import torch
from safetensors import safe_open
from torch import nn

weights, shard, scores = sys.argv[1:]
with safe_open(weights, "pt") as file:
    about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
height, width, channels = json.loads(about["shape_in"])
recipe = json.loads(about["recipe"])
f, code, n = int(recipe["settings.width"]), int(recipe["settings.latent"]), min(height, width).bit_length() - 4
grid = height >> (n + 1), width >> (n + 1)


def encoder():
    layers = [nn.Conv2d(channels, f, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for i in range(n):
        layers += [nn.Conv2d(f << i, f << (i + 1), 4, 2, 1, bias=False), nn.BatchNorm2d(f << (i + 1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(f << n, code, grid, bias=False))


def decoder():
    layers = [nn.ConvTranspose2d(code, f << n, grid, bias=False), nn.BatchNorm2d(f << n), nn.ReLU()]
    for i in reversed(range(n)):
        layers += [nn.ConvTranspose2d(f << (i + 1), f << i, 4, 2, 1, bias=False), nn.BatchNorm2d(f << i), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(f, channels, 4, 2, 1, bias=False), nn.Tanh())


def filled(network, name):
    for number, layer in enumerate(m for m in network if [*m.parameters()]):
        own = {key.split(".")[-1]: value for key, value in tensors.items() if key.startswith(f"{name}.{number}.")}
        if "scale" in own:
            own = {"weight": own["scale"], "bias": own["shift"], "running_mean": own["mean"], "running_var": own["variance"]}
        layer.load_state_dict({key: v.permute(3, 2, 0, 1) if v.dim() == 4 else v for key, v in own.items()}, strict=False)
    return network.eval()


with torch.no_grad(), h5py.File(shard) as samples, h5py.File(scores) as ours:
    x = torch.from_numpy(samples["samples"][:]).permute(0, 3, 1, 2).float() * float(about["multiplier"]) + float(about["offset"])
    z = filled(encoder(), "encoder")(x)
    again = filled(encoder(), "reencoder")(filled(decoder(), "decoder")(z))
    theirs, known = (z - again).abs().sum((1, 2, 3)), torch.from_numpy(ours["latentL1"][:])
    difference = ((theirs - known).abs().max() / known.abs().max()).item()
print(f"{len(known)} scores, largest difference {difference:.1e} of the largest score")
sys.exit(65 if difference > 1e-4 else 0)
