"""Reads a safetensors file as any other program would, with the `safetensors` package, and shows what is in it.

    python3 safetensors_check.py RUN/checkpoints/latest/state.safetensors

One line a tensor (type, shape, name), then how many numbers there are in all, how many optimizers keep, how many are running
statistics of batch norm, and how many are left: the parameters. Ends with 65 if the file is damaged or a number is not
finite, with 66 if there is no file.
"""
import sys

import numpy
from safetensors import SafetensorError, safe_open


def main(path):
    with safe_open(path, "np") as file:
        for key, value in sorted((file.metadata() or {}).items()):
            print(f"# {key}: {value}")
        counts = {"optimizer": 0, "running statistics": 0, "parameters": 0}
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            print(f"{tensor.dtype} {list(tensor.shape)} {name}")
            if not numpy.isfinite(tensor).all():
                raise ValueError(f"{name} has numbers that are not finite")
            counts[kind(name)] += tensor.size
    print(f"total {sum(counts.values()):,}: " + ", ".join(f"{kind} {count:,}" for kind, count in counts.items()))


def kind(name):
    if name.startswith("optimizer/"):
        return "optimizer"
    return "running statistics" if name.endswith((".mean", ".variance")) else "parameters"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: safetensors_check.py FILE")
    try:
        main(sys.argv[1])
    except (SafetensorError, ValueError, AttributeError, OSError) as error:  # AttributeError: a type that numpy has not
        print(f"safetensors_check: {sys.argv[1]}: {error}", file=sys.stderr)
        sys.exit(66 if isinstance(error, FileNotFoundError) else 65)
