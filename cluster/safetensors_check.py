"""Reads a safetensors file as any other program would, with the `safetensors` package, and shows what is in it.

    python3 safetensors_check.py RUN/checkpoints/latest/state.safetensors

One line a tensor (type, shape, name), then the totals: of all numbers, of those that optimizers keep, and of the rest,
which are the networks' variables. Ends with 65 if the file is damaged or a number is not finite.
"""
import sys

import numpy
from safetensors import SafetensorError, safe_open


def main(path):
    with safe_open(path, "np") as file:
        for key, value in sorted((file.metadata() or {}).items()):
            print(f"# {key}: {value}")
        total = optimizer = 0
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            print(f"{tensor.dtype} {list(tensor.shape)} {name}")
            if not numpy.isfinite(tensor).all():
                raise ValueError(f"{name} has numbers that are not finite")
            total += tensor.size
            optimizer += tensor.size if name.startswith("optimizer/") else 0
    print(f"total {total:,}: optimizer {optimizer:,}, variables {total - optimizer:,}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: safetensors_check.py FILE")
    try:
        main(sys.argv[1])
    except (SafetensorError, ValueError) as error:
        print(f"safetensors_check: {sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(65)
