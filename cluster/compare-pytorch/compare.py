"""Vigil beside PyTorch, in turn on the same cores; called by cluster/compare. Ratios are formed in each round, then their median is taken."""

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import textwrap

import torch
from sides import Layout, Network, PyTorch, Vigil, cores, fail

networks = [
    Network("32x32x3", "GANomaly 32×32×3", "ganomaly", "ganomaly.py", "32x32x3", 64, 16),
    Network("64x64x3", "GANomaly 64×64×3", "ganomaly", "ganomaly.py", "64x64x3", 64, 16),
    Network("128x128x1", "GANomaly 128×128×1", "ganomaly", "ganomaly.py", "128x128x1", 32, 16),
    Network("dense", "dense 121-512-256-128-256-512-121", "dense", "dense.py", "121", 1024, 128),
    Network("critic", "f-AnoGAN's critic 32×32×1", "critic", "critic.py", "32x32x1", 32, 16, ("released", "optimized")),
    Network("critic-64", "f-AnoGAN's critic 64×64×1", "critic", "critic.py", "64x64x1", 16, 8, ("released", "optimized")),
]
slow = ["critic-64"]  # only where it is asked for
layouts = [Layout("1", "1 core", 1, 1), Layout("threads", "2 threads", 1, 2), Layout("ranks", "2 ranks", 2, 1)]
titles = ["released", "optimized", "compiled"]


def median(values):
    return statistics.median(values)


class Row:
    """The measurements of a network in a layout: a list for each contestant, one entry a round."""

    def __init__(self, network, layout, contestants, rounds, seconds):
        self.network, self.layout = network, layout
        for contestant in contestants.values():
            contestant.settle(seconds)
        self.found = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, contestant in contestants.items():
                self.found[name].append(contestant.measure())
        self.kernels = {name: contestant.last["isa"] for name, contestant in contestants.items() if isinstance(contestant, Vigil)}

    def rate(self, name):
        return median(m.rate(self.network) for m in self.found[name]) if name in self.found else None

    def memory(self, name):
        return max(m.memory for m in self.found[name]) / 2**20

    def ratios(self, name, other):
        return [b.seconds / a.seconds for a, b in zip(self.found[name], self.found[other])]

    @property
    def best(self):
        """The better of PyTorch's optimized and compiled step."""
        return max((name for name in ("optimized", "compiled") if name in self.found), key=self.rate)

    @property
    def light(self):
        """Whose memory Vigil's is compared with: the optimized step's, which needs less than the compiled one."""
        return "optimized" if "optimized" in self.found else self.best

    def lines(self, isas):
        for isa in isas:
            better, released = self.ratios(isa, self.best), self.ratios(isa, "released") if "released" in self.found else None
            rates = [f"{self.rate(name):.4g}" if self.rate(name) else "–" for name in titles]
            ratio = f"**{median(better):.2f}** ({min(better):.2f}–{max(better):.2f})"
            memory = f"{self.memory(isa):.0f} | {self.memory(self.light):.0f} | {self.memory(isa) / self.memory(self.light):.2f}"
            title = f"{self.network.title}, {self.network.minibatch}"
            cells = [title, self.layout.title, self.kernels[isa], f"{self.rate(isa):.4g}", *rates, ratio]
            yield "| " + " | ".join([*cells, f"{median(released):.2f}" if released else "–", memory]) + " |"


def compare(options, network, layout, isas, places, variants):
    say(f"{network.title} on {layout.title}")
    vigil = {isa: Vigil(options.vigil, network, layout, places, isa) for isa in isas}
    torch_side = {variant: PyTorch(network, variant, layout, places, options.backend) for variant in variants}
    try:
        row = Row(network, layout, {**vigil, **torch_side}, options.rounds, options.seconds)
    finally:
        for contestant in torch_side.values():
            contestant.end()
    check(network, vigil[isas[0]].last, {name: contestant.first for name, contestant in torch_side.items()})
    return row


def check(network, own, others):
    """Whether the contestants are the same network with the same losses, and PyTorch's steps move it alike."""
    for variant, other in others.items():
        if own["parameters"] != other["parameters"] or not set(other["losses"]) <= set(own["losses"]):
            fail(
                70, f"Vigil's {network.title} has {own['parameters']} parameters and the losses {', '.join(own['losses'])}, PyTorch's "
                f"{other['parameters']} and {', '.join(other['losses'])}; they are not the same",
            )
    first, second = (others.get(variant, dict(losses={}))["losses"] for variant in ("released", "optimized"))
    for name in set(first) & set(second):
        if abs(first[name] - second[name]) > 1e-3 * max(1, abs(first[name])):
            fail(70, f"{name} of {network.title} is {first[name]} after a released step and {second[name]} after an optimized one")


def beside_itself(options, network, places):
    """Two threads beside one; and two ranks of a minibatch's samples each beside two programs that share nothing."""
    say(f"{network.title}, Vigil beside itself")
    one, threads, ranks = layouts
    contestants = dict(
        one=Vigil(options.vigil, network, one, places), threads=Vigil(options.vigil, network, threads, places),
        ranks=Vigil(options.vigil, network, ranks, places, minibatch=2 * network.minibatch),
    )
    apart = [Vigil(options.vigil, network, one, [place]) for place in places[:2]]
    for contestant in [*contestants.values(), *apart]:
        contestant.settle(options.seconds)
    apart[0].steps = apart[1].steps = max(2, apart[0].steps)
    threads_gain, ranks_share = [], []
    for _ in range(options.rounds):
        steps = {name: contestant.measure().seconds for name, contestant in contestants.items()}
        started = [contestant.start() for contestant in apart]
        together = sum(network.minibatch / contestant.finish(process).seconds for contestant, process in zip(apart, started))
        threads_gain.append(steps["one"] / steps["threads"])
        ranks_share.append(2 * network.minibatch / steps["ranks"] / together)

    def cell(values, unit=1):
        return f"{unit * median(values):.3g} ({unit * min(values):.3g}–{unit * max(values):.3g})"

    return f"| {network.title}, {network.minibatch} | {cell(threads_gain)} | {cell(ranks_share, 100)} % |"


def oneccl():
    """Whether PyTorch's bindings to oneCCL are there or can be installed."""
    try:
        import oneccl_bindings_for_pytorch  # noqa: F401

        return "oneCCL's bindings are installed; `--backend ccl` uses them."
    except ImportError:
        pass
    for name in ("oneccl_bind_pt", "oneccl_bindings_for_pytorch"):
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet", name]
        if subprocess.run(command, capture_output=True).returncode == 0:
            return f"oneCCL: the package {name} can be installed here, and was not; install it and give `--backend ccl`."
    return "oneCCL: no package of its bindings to PyTorch (oneccl_bind_pt, oneccl_bindings_for_pytorch) installs from pip's index here."


def processor():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "unknown")
    return name, "avx512f" in text


def say(text):
    print(text, file=sys.stderr, flush=True)


def wrapped(text):
    return textwrap.wrap(text, 140, break_long_words=False, break_on_hyphens=False)


def page(options, rows, itself, isas, started):
    name, _ = processor()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip() or "no checkout"
    version = subprocess.run([options.vigil, "--version"], capture_output=True, text=True).stdout.strip()
    rounds = f"{options.rounds} round" + "s" * (options.rounds > 1)
    capability = torch.backends.cpu.get_cpu_capability()
    yield "# Vigil beside PyTorch"
    yield ""
    yield from wrapped(
        f"`cluster/compare`, {started:%Y-%m-%d}: {name}, {os.cpu_count()} processors, load {os.getloadavg()[2]:.1f}; Vigil {version} ({commit}), "
        f"PyTorch {torch.__version__} ({capability}); {rounds} in turn on the same cores. Samples a second of whole training steps, "
        "medians of the rounds; ratios are formed in each round, then their median, with their range in parentheses. Memory is the most that a "
        "process (of ranks the larger) had resident: of Vigil since its start, of PyTorch while it trains, so that compiling is not counted."
    )
    yield ""
    columns = ["network, minibatch", "on", "kernels", "Vigil", "released", "optimized", "compiled", "Vigil to the better", "to released"]
    columns += ["MiB Vigil", "MiB optimized", "ratio"]
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield from row.lines(isas if row.layout.name == "1" else isas[:1])
    yield ""
    yield from wrapped(
        "Released: the step as published, eager, contiguous, plain Adam. Optimized: channels-last, fused Adam, no pass and no slope that is "
        "thrown away, freed memory kept by the C library. Compiled: the same through torch.compile. The better is of the last two; on 2 threads "
        "and 2 ranks only the one that was better on one core, where both ran. PyTorch's ranks share the minibatch, average gradients in one flat "
        f"bucket over {options.backend}, and take batch norm of their own samples; Vigil's take it of all. Dense is `vigil bench dense`: ReLU, "
        "mean squared error, Adam. The critic is one update of f-AnoGAN's with its gradient penalty; it is compiled only if that is asked for, "
        "which takes minutes and, where it was tried, gained nothing over the optimized step. Both sides count the same parameters. "
        + oneccl()
    )
    if itself:
        yield ""
        yield "| network, minibatch | 2 threads to 1 | 2 ranks with a minibatch each, of two programs at once that share nothing |"
        yield "|---|---|---|"
        yield from itself


def arguments():
    parser = argparse.ArgumentParser(prog="cluster/compare")
    parser.add_argument("--vigil", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement, about; at least one step")
    parser.add_argument("--only", default=",".join(n.name for n in networks if n.name not in slow), help="networks, of " + ", ".join(n.name for n in networks))
    parser.add_argument("--on", default=",".join(l.name for l in layouts), help="layouts, of " + ", ".join(l.name for l in layouts))
    parser.add_argument("--variants", help="of PyTorch's side: " + ", ".join(titles) + "; of the critic the first two unless given")
    parser.add_argument("--backend", default="gloo", choices=["gloo", "ccl"], help="of PyTorch's ranks")
    parser.add_argument("--write", action="store_true", help="write cluster/COMPARISON.md instead of printing")
    options = parser.parse_args()
    for name, known in [("only", [n.name for n in networks]), ("on", [l.name for l in layouts]), ("variants", titles)]:
        chosen = (getattr(options, name) or ",".join(known)).split(",")
        unknown = [value for value in chosen if value not in known]
        if unknown:
            fail(64, f"--{name}: there is no {unknown[0]}; there are {', '.join(known)}")
        setattr(options, name, chosen if getattr(options, name) else None)
    if options.rounds < 1:
        fail(64, "--rounds must be at least 1")
    if options.variants and not {"optimized", "compiled"} & set(options.variants):
        fail(64, "--variants needs optimized or compiled, to which the ratios are formed")
    return options


def main():
    options, places, started = arguments(), cores(), datetime.date.today()
    if len(places) < 2 and options.on != ["1"]:
        fail(64, "this process may use one core only; give --on 1, or more cores")
    isas = ["best", "avx2"] if processor()[1] else ["best"]
    rows, itself = [], []
    for network in (n for n in networks if n.name in options.only):
        variants = options.variants or network.variants
        for layout in (l for l in layouts if l.name in options.on):
            rows.append(compare(options, network, layout, isas if layout.name == "1" else isas[:1], places, variants))
            if layout.name == "1":
                variants = [rows[-1].best]
        if network.detector == "ganomaly" and network.minibatch == 64 and {"threads", "ranks"} <= set(options.on):
            itself.append(beside_itself(options, network, places))
    text = "\n".join(page(options, rows, itself, isas, started)) + "\n"
    if options.write:
        with open("cluster/COMPARISON.md", "w") as file:
            file.write(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
