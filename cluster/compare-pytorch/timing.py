"""What the PyTorch programs share: arguments, threads, ranks, and a process that stays warm between measurements.

    PROGRAM --variant released|optimized|compiled --sample 32x32x3 --minibatch 64 --threads 1

writes a line of JSON when it is warm, then one for each line of its input, which is a number of steps to time.
With RANK and WORLD_SIZE in the environment it is one of several ranks, which share the minibatch: gradients travel in one flat
bucket by gloo (or by oneCCL, where BACKEND is ccl and its bindings are installed).
"""

import argparse
import json
import os
import sys
import time

import torch
import torch.distributed as dist

variants = ["released", "optimized", "compiled"]


class Bucket:
    """The gradients of some parameters, side by side, so that one message adds them up over the ranks."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        if not dist.is_initialized():
            return
        self.flat = torch.zeros(sum(p.numel() for p in self.parameters))
        self.views, start = [], 0
        for p in self.parameters:
            self.views.append(torch.as_strided(self.flat, p.size(), p.stride(), start))
            start += p.numel()

    def average(self):
        if not dist.is_initialized():
            return
        torch._foreach_copy_(self.views, [p.grad for p in self.parameters])
        dist.all_reduce(self.flat)
        self.flat.mul_(1 / dist.get_world_size())
        for p, view in zip(self.parameters, self.views):
            p.grad = view


def adam(parameters, variant, rate, betas=(0.9, 0.999)):
    """Released programs take Adam as it comes; here it has one sweep for all parameters, elsewhere one operation after another."""
    return torch.optim.Adam(parameters, rate, betas, fused=variant != "released")


def laid_out(thing, variant):
    """Channels last, where that is faster."""
    return thing if variant == "released" else thing.to(memory_format=torch.channels_last)


def peak_memory(reset=False):
    """The most bytes that this process had resident since the last reset; compiling is not counted against the steps."""
    if reset:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def serve(make):
    """Runs a program. `make(variant, sample, count)` gives its networks, and a step, which returns losses by name; `sample` is
    [height, width, channels] or [features], `count` the samples of this rank."""
    options = argparse.ArgumentParser()
    options.add_argument("--variant", choices=variants, required=True)
    options.add_argument("--sample", required=True)
    options.add_argument("--minibatch", type=int, required=True)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--cores", help="to which it is held once it is warm, since compiling is quicker on all")
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks > 1:
        backend = os.environ.get("BACKEND", "gloo")
        if backend == "ccl":
            import oneccl_bindings_for_pytorch  # noqa: F401
        dist.init_process_group(backend)

    sample = [int(extent) for extent in options.sample.split("x")]
    networks, step = make(options.variant, sample, options.minibatch // ranks)
    for _ in range(2 if options.variant == "compiled" else 1):
        losses = step()
    if options.cores:
        for thread in os.listdir("/proc/self/task"):
            try:
                os.sched_setaffinity(int(thread), [int(core) for core in options.cores.split(",")])
            except ProcessLookupError:
                pass  # one that has just ended
    peak_memory(reset=True)
    start = time.perf_counter()
    step()
    answer(
        parameters=sum(p.numel() for network in networks for p in network.parameters()),
        losses={name: value.item() for name, value in losses.items()},
        step_seconds=time.perf_counter() - start,
    )
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            if ranks > 1:
                dist.barrier()
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        answer(times=times, peak_memory_bytes=peak_memory())


def answer(**values):
    print(json.dumps(values), flush=True)
