"""The two sides: a measurement of each is a list of seconds of steps, and the most memory that a process of it had."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

here = Path(__file__).parent
launcher = shutil.which("mpirun.openmpi") or "mpirun"


def fail(code, sentence):
    print(f"compare: {sentence}", file=sys.stderr)
    sys.exit(code)


@dataclass(frozen=True)
class Network:
    """A row: what `vigil bench` and the program beside this file are to time."""

    name: str
    title: str
    detector: str
    program: str
    sample: str
    minibatch: int
    microbatch: int
    variants: tuple = ("released", "optimized", "compiled")


@dataclass(frozen=True)
class Layout:
    """How many ranks and threads, one core each."""

    name: str
    title: str
    ranks: int
    threads: int

    @property
    def cores(self):
        return self.ranks * self.threads


def cores():
    """The processors that this process may use, one of each core."""
    allowed = os.sched_getaffinity(0)
    found = {}
    for line in subprocess.run(["lscpu", "-p=CPU,CORE,SOCKET"], capture_output=True, text=True).stdout.splitlines():
        if not line.startswith("#"):
            cpu, *core = line.split(",")
            if int(cpu) in allowed:
                found.setdefault(tuple(core), int(cpu))
    return sorted(found.values()) or sorted(allowed)


@dataclass
class Measurement:
    seconds: float  # the median step
    memory: int

    def rate(self, network):
        return network.minibatch / self.seconds


class Vigil:
    """The program, started anew for each measurement; its figures are in `last`."""

    def __init__(self, program, network, layout, cores, isa="best", minibatch=None):
        self.network, self.layout, self.steps = network, layout, 1
        arguments = [program, "bench", network.detector, "--sample", network.sample, "--minibatch", str(minibatch or network.minibatch)]
        arguments += ["--set", f"microbatch={network.microbatch}", "--threads", str(layout.threads), "--isa", isa, "--json"]
        places = [",".join(map(str, cores[r * layout.threads : (r + 1) * layout.threads])) for r in range(layout.ranks)]
        if layout.ranks == 1:
            self.command = ["taskset", "-c", places[0], *arguments]
        else:
            own = f'places=({" ".join(places)}); exec taskset -c "${{places[$OMPI_COMM_WORLD_RANK]}}" "$@"'
            start = [launcher, "-q", "-n", str(layout.ranks), "--oversubscribe", "--bind-to", "none"]
            self.command = [*start, "bash", "-c", own, "vigil", *arguments]

    def start(self):
        return subprocess.Popen([*self.command, "--steps", str(self.steps)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def finish(self, process):
        output = process.communicate()[0]
        if process.returncode != 0:
            fail(70, f"{' '.join(self.command)} ended with code {process.returncode}; see its message above")
        self.last = json.loads(output)
        return Measurement(self.last["step_seconds"], self.last["peak_memory_bytes"])

    def measure(self):
        return self.finish(self.start())

    def settle(self, seconds):
        """Runs once and chooses steps that take about as long as this."""
        self.steps = steps_in(seconds, self.measure().seconds)


class PyTorch:
    """Processes of a program, warm from the beginning, that wait for their turn."""

    def __init__(self, network, variant, layout, cores, backend="gloo"):
        self.network = network
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.processes = []
        for rank in range(layout.ranks):
            own = ",".join(map(str, cores[rank * layout.threads : (rank + 1) * layout.threads]))
            environment = {**os.environ, "OMP_NUM_THREADS": str(layout.threads), "BACKEND": backend}
            if variant != "released":  # freed memory is kept, so that the next step's is not cleared by the system again
                environment |= dict(MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_=str(2**32), MALLOC_TOP_PAD_=str(2**28))
            if layout.ranks > 1:
                environment |= dict(RANK=str(rank), WORLD_SIZE=str(layout.ranks), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
            arguments = ["--variant", variant, "--sample", network.sample, "--minibatch", str(network.minibatch)]
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-W", "ignore", here / network.program, *arguments, "--threads", str(layout.threads), "--cores", own],
                    env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
        self.first = self.answers()[0]

    def answers(self):
        found = [process.stdout.readline() for process in self.processes]
        if not all(found):
            self.end()
            fail(70, f"{self.network.program} has stopped; see its message above")
        return [json.loads(line) for line in found]

    def settle(self, seconds):
        self.steps = steps_in(seconds, self.first["step_seconds"])

    def measure(self):
        for process in self.processes:
            process.stdin.write(f"{self.steps}\n")
            process.stdin.flush()
        answers = self.answers()
        slowest = [max(times) for times in zip(*(answer["times"] for answer in answers))]
        return Measurement(statistics.median(slowest), max(answer["peak_memory_bytes"] for answer in answers))

    def end(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()


def steps_in(seconds, step):
    return max(1, min(200, round(seconds / step)))
