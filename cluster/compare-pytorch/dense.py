"""An autoencoder of a table's rows: F - 512 - 256 - 128 - 256 - 512 - F, ReLU, mean squared error, Adam; as `vigil bench dense`."""

import torch
import torch.nn as nn
import torch.nn.functional as F

import timing


def make(variant, sample, count):
    widths = [sample[0], 512, 256, 128, 256, 512, sample[0]]
    layers = [layer for a, b in zip(widths, widths[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    network = nn.Sequential(*layers[:-1])
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    x = torch.rand(count, sample[0]) * 2 - 1
    adam = timing.adam(network.parameters(), variant, 1e-3)
    gradients = timing.Bucket(network.parameters())

    def error(x):
        return F.mse_loss(network(x), x)

    if variant == "compiled":
        error = torch.compile(error)

    def step():
        adam.zero_grad()
        loss = error(x)
        loss.backward()
        gradients.average()
        adam.step()
        return dict(error=loss)

    return [network], step


if __name__ == "__main__":
    timing.serve(make)
