"""Runs `vigil bench --laps` and its kin on nodes: this machine's cores, hosts made out of it, or a Slurm job's nodes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from model import mean, median

CLUSTER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Link:
    """What the network between hosts is held to: 0 is no limit."""

    delay: int = 0  # microseconds, one way
    rate: int = 0  # Mbit/s

    def options(self):
        return [text for name, value in asdict(self).items() if value for text in (f"--{name}", str(value))]

    def __str__(self):
        parts = ([f"{self.delay} µs"] if self.delay else []) + ([f"{self.rate} Mbit/s"] if self.rate else [])
        return ", ".join(parts) or "as it is"


@dataclass(frozen=True)
class Place:
    """Where a step runs."""

    nodes: int
    ranks: int  # over all nodes
    threads: int
    link: Link | None = None  # None on one node, and on real ones


class Launcher:
    """How programs are started on a place's ranks."""

    def __init__(self, kind, vigil):
        self.kind, self.vigil = kind, vigil
        # in the clone, which a cluster's nodes see
        runs = CLUSTER.parent / "runs"
        runs.mkdir(exist_ok=True)
        self.scratch = tempfile.TemporaryDirectory(prefix="scaling-", dir=runs)
        self.folder = Path(self.scratch.name)

    @property
    def is_local(self):
        return self.kind == "local"

    def cores(self, place):
        """That a place has."""
        if self.is_local:
            return len(os.sched_getaffinity(0))
        return place.nodes * int(os.environ.get("SLURM_CPUS_ON_NODE", os.cpu_count()))

    def shares_cores(self, place):
        return place.ranks * place.threads > self.cores(place)

    def binding(self, place):
        """How ranks are bound to cores, in words."""
        if not self.is_local:
            return "by the launcher"
        return "none" if place.nodes > 1 or self.shares_cores(place) else f"{place.threads} core{'s' * (place.threads > 1)} a rank"

    def command(self, place):
        each = place.ranks // place.nodes
        mpirun = ["mpirun", "-q", "-n", str(place.ranks)]
        if self.kind == "srun":
            mpi = os.environ.get("VIGIL_MPI_TYPE", "pmix")
            return [
                "srun",
                f"--mpi={mpi}",
                f"--nodes={place.nodes}",
                f"--ntasks={place.ranks}",
                f"--ntasks-per-node={each}",
                f"--cpus-per-task={place.threads}",
            ]
        if self.kind == "mpirun":
            return mpirun + shlex.split(os.environ.get("VIGIL_BINDING", f"--map-by ppr:{each}:node:PE={place.threads} --bind-to core"))
        if place.nodes > 1:
            return [str(CLUSTER / "hosts"), str(place.nodes), *place.link.options(), "-n", str(place.ranks)]
        mpirun[0] = next((path for path in ("/usr/bin/mpirun.openmpi",) if os.path.exists(path)), "mpirun")
        if self.shares_cores(place):
            return mpirun + "--oversubscribe --bind-to none --mca mpi_yield_when_idle 1".split()
        return mpirun + f"--map-by slot:PE={place.threads} --bind-to core".split()

    def run(self, place, program, seconds=900):
        """What the program prints. Ends everything with its message where it fails, or takes longer than that."""
        environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        command = self.command(place) + [str(part) for part in program]
        # errors go to a file: what a launcher leaves behind may hold a pipe open
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=environment, start_new_session=True
            )
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = f"no end after {seconds} s"
            finally:  # also where a signal ends this program
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
            for stream in (out, errors):
                stream.seek(0)
            if code:
                sys.exit(f"scaling: {' '.join(command)} ended with {code}; its last words:\n{errors.read()[-1500:]}")
            return out.read()


def parts(laps):
    """Medians over a run's steps, in seconds: what of a step is arithmetic, waiting for the slowest rank, and communication.

    A step lasts from the common beginning to the last rank's end. The arithmetic is the ranks' mean; the imbalance is what the slowest has
    more; what is left of the step is in sums, when all could have been done with their arithmetic: the communication that shows.
    """
    ranks = laps["ranks"]
    found = []
    for step in range(len(ranks[0]["computing"])):
        arithmetic = [sum(rank["computing"][step]) for rank in ranks]
        whole = max(own + sum(rank["summing"][step]) for own, rank in zip(arithmetic, ranks))
        found.append((whole, mean(arithmetic), max(arithmetic) - mean(arithmetic), whole - max(arithmetic)))
    names = ("step", "arithmetic", "imbalance", "communication")
    return {name: median(values) for name, values in zip(names, zip(*found))}


class Study:
    """The measurements of a study, and what they found."""

    def __init__(self, launcher, options):
        self.launcher, self.options = launcher, options
        self.rows, self.waiting, self.links = [], {}, {}

    def laps(self, place, minibatch, steps, reduce="tree"):
        o = self.options
        bench = [self.launcher.vigil, "bench", o.detector, "--sample", o.sample, "--minibatch", minibatch]
        bench += ["--threads", place.threads, "--set", f"run.reduce={reduce}", "--steps", steps, "--laps"]
        return json.loads(self.launcher.run(place, bench))

    def counting(self, place, seconds, steps):
        """Of a place's ranks that only count, in segments of so many seconds each: the times, as of steps."""
        program = [sys.executable, Path(__file__).parent / "counting.py", self.launcher.folder, steps, *seconds]
        self.launcher.run(place, program)
        files = list(self.launcher.folder.glob("counted-*"))
        found = [step for file in files for step in json.loads(file.read_text())]
        for file in files:
            file.unlink()
        return found

    def measure(self, kind, place, minibatch, turn):
        """One round of a place: the tree, and beside it the library."""
        for reduce in ("tree", "library") if place.ranks > 1 else ("tree",):
            laps = self.laps(place, minibatch, self.options.steps, reduce)
            row = dict(
                kind=kind,
                **{**asdict(place), "link": str(place.link) if place.link else ""},
                minibatch=minibatch,
                reduce=reduce,
                round=turn,
            )
            row |= dict(cores=self.launcher.cores(place), **parts(laps), mean_step=mean(whole_steps(laps)))
            self.rows.append(row)
            print(
                f"  {kind} {place.nodes} nodes, {place.ranks} × {place.threads}, {row['link']} {reduce}: {row['step'] * 1e3:.1f} ms",
                file=sys.stderr,
            )

    def measure_loading(self, place, minibatch):
        """The share of training's steps that ranks wait for data, in a run that reads a set."""
        o, side = self.options, self.options.sample.split("x")[0]
        data, run = self.launcher.folder / "set", self.launcher.folder / f"run-{len(self.waiting)}"
        single = replace(place, nodes=1, ranks=1, threads=1, link=None)
        if not data.exists():
            normals = max(2000, 4 * o.per_rank * max(4, place.ranks))
            made = f"synthesize baggage --side {side} --normals {normals} --test-normals 100 --threats 100 --out".split()
            self.launcher.run(single, [self.launcher.vigil, *made, data])
        keys = dict(minibatch=minibatch, steps=o.steps + 4, epochs=1000)
        keys["run.threads"] = place.threads
        sets = [text for key, value in keys.items() for text in ("--set", f"{key}={value}")]
        self.launcher.run(place, [self.launcher.vigil, "train", "--detector", o.detector, "--data", data, "--out", run, *sets])
        steps = [json.loads(line) for line in open(run / "log.jsonl") if '"event":"step"' in line]
        self.waiting[place] = steps[-1]["waiting_for_data"]

    def measure_link(self, place, full, minibatch):
        """Exchanges between two ranks on two nodes; and, just beside, a full node's arithmetic, so that both are of the same minute as the sums."""
        pair = replace(place, nodes=2, ranks=2, threads=1)
        found = json.loads(self.launcher.run(pair, [self.launcher.folder / "link"]))
        found["exchanges"] = {0: found["one_way"]} | {int(size): seconds for size, seconds in found["exchanges"].items()}
        found["segments"] = segments(self.laps(full, minibatch, self.options.steps))
        self.links.setdefault(place.link, []).append(found)

    def build_link(self):
        subprocess.run(["mpicc", "-O2", "-o", str(self.launcher.folder / "link"), str(CLUSTER / "link.c")], check=True)


def segments(laps):
    """Of all ranks' steps, the times between sums."""
    return [step for rank in laps["ranks"] for step in rank["computing"]]


def whole_steps(laps):
    """Seconds of each step, to its last rank's end."""
    steps = range(len(laps["ranks"][0]["computing"]))
    return [max(sum(rank["computing"][step]) + sum(rank["summing"][step]) for rank in laps["ranks"]) for step in steps]
