#!/usr/bin/env python3
"""The study of scaling that cluster/scaling starts: measures, predicts, and writes the page."""

import argparse
import csv
import datetime
import json
import os
import platform
import re
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import page
from measure import CLUSTER, Launcher, Link, Place, Study, segments
from model import mean

UNSHAPED = Link()


def arguments():
    parser = argparse.ArgumentParser(prog="cluster/scaling", description=__doc__)
    parser.add_argument("--detector", default="ganomaly")
    parser.add_argument("--sample", default="32x32x3", help="shape of a sample")
    parser.add_argument("--per-rank", type=int, default=64, help="samples of a rank in weak scaling")
    parser.add_argument("--total", type=int, default=64, help="samples of a step in strong scaling")
    parser.add_argument("--microbatch", type=int, default=16, help="the detector's, to count lanes")
    parser.add_argument("--rounds", type=int, default=3, help="how often every place has its turn")
    parser.add_argument("--steps", type=int, default=6, help="steps that count of each turn, after two")
    parser.add_argument(
        "--link", default="500,1000", help="DELAY,RATE of the shaped network between hosts, in microseconds one way and Mbit/s"
    )
    parser.add_argument("--launcher", choices=["local", "srun", "mpirun"], default="local", help="local makes hosts out of this machine")
    parser.add_argument("--nodes", default="1,2,4", help="counts of nodes")
    parser.add_argument("--ranks-per-node", type=int, default=1, help="on more than one node, and on real ones")
    parser.add_argument("--threads", type=int, default=1, help="of a rank, on real nodes")
    parser.add_argument("--vigil", default=".build/release/vigil", help="the program")
    parser.add_argument("--out", default=str(CLUSTER), help="folder of SCALING.md, scaling.csv, scaling.svg and scaling.png")
    parser.add_argument("--overlap", action="store_true", help="the program sends sums while it computes, so the check counts on it")
    parser.add_argument("--again", action="store_true", help="write the page anew from the last measurements (runs/scaling.json)")
    return parser.parse_args()


def places(options, cores):
    """Where the sweep goes, the base first."""
    counts = [int(text) for text in options.nodes.split(",")]
    if options.launcher != "local":
        each = options.ranks_per_node
        return [Place(nodes, nodes * each, options.threads) for nodes in counts]
    found = [Place(1, 1, 1)]
    while found[-1].ranks * 2 <= cores:
        found.append(Place(1, found[-1].ranks * 2, 1))
    found += [Place(1, 1, ranks.ranks) for ranks in found[1:]]
    shaped = Link(*map(int, options.link.split(",")))
    return found + [Place(n, n * options.ranks_per_node, 1, link) for n in counts if n > 1 for link in (UNSHAPED, shaped)]


def full_node(sweep):
    """Whose arithmetic the model takes: one node with a rank of one thread on every core, or as it is used."""
    return max((place for place in sweep if place.nodes == 1), key=lambda place: place.ranks)


def take(options):
    """All measurements, as JSON."""
    launcher = Launcher(options.launcher, str(Path(options.vigil).resolve()))
    began = machine(launcher)
    study = Study(launcher, options)
    sweep = places(options, launcher.cores(Place(1, 1, 1)))
    full = full_node(sweep)
    study.build_link()
    lanes = options.per_rank // options.microbatch
    runs = {count: [] for count in sorted({1, lanes, 2 * lanes})}
    counted = []
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
        for count in runs:  # arithmetic by lanes; more steps of the count whose spread is looked at
            steps = options.steps * (4 if count == lanes else 1)
            runs[count].append(study.laps(full, full.ranks * count * options.microbatch, steps))
            if count == lanes:
                counted += study.counting(full, [mean(times) for times in zip(*segments(runs[count][-1]))], steps)
        for place in sweep:
            if place.nodes == 2:
                study.measure_link(place, full, full.ranks * options.per_rank)
            wide = place.ranks * place.threads
            if place.ranks * options.microbatch <= options.total:
                study.measure("strong", place, options.total, turn)
            if wide > 1 or options.per_rank != options.total:
                study.measure("weak", place, options.per_rank * wide, turn)
    for place in sweep:
        study.measure_loading(place, options.per_rank * place.ranks * place.threads)
    return dict(
        options=vars(options),
        machine=began,
        lanes=lanes,
        rows=study.rows,
        binding=[(label(place), launcher.binding(place)) for place in sweep],
        arithmetic=[dict(lanes=count, segments=sum(map(segments, found), [])) for count, found in runs.items()],
        counting=counted,
        turns=runs[lanes][0]["sums"],
        full=asdict(full),
        waiting=[dict(place=asdict(place) | {"link": named(place.link)}, share=share) for place, share in study.waiting.items()],
        links=[dict(link=named(link), runs=found) for link, found in study.links.items()],
    )


def named(link):
    return str(link) if link else ""


def label(place):
    return f"{place.nodes} × {place.ranks // place.nodes} × {place.threads}" + (f", {place.link}" if place.link else "")


def machine(launcher):
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return dict(
        date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        processor=names[0] if names else platform.machine(),
        cores=launcher.cores(Place(1, 1, 1)),
        load=round(os.getloadavg()[0], 1),
    )


def flaw(options):
    """What is wrong with the options, if anything."""
    lanes = options.per_rank / options.microbatch if options.microbatch > 0 else 0
    if lanes < 1 or lanes % 1 or int(lanes) & int(lanes) - 1:
        return "--per-rank must be the microbatch times a power of two, so that ranks pair up along the summation tree"
    if not re.fullmatch(r"[1-9]\d*,[1-9]\d*", options.link):
        return f'--link is "{options.link}"; give microseconds and Mbit/s, as 500,1000'
    if not re.fullmatch(r"1(,[1-9]\d*)*", options.nodes):
        return f'--nodes is "{options.nodes}"; give counts from 1 on, as 1,2,4: one node is the base'
    if min(options.rounds, options.steps, options.ranks_per_node, options.threads) < 1:
        return "--rounds, --steps, --ranks-per-node and --threads must be at least 1"
    return None


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("scaling: ended by SIGTERM"))
    options = arguments()
    kept = CLUSTER.parent / "runs" / "scaling.json"
    refused = flaw(options)
    if refused:
        print(f"scaling: {refused}", file=sys.stderr)
        sys.exit(64)
    if not options.again:
        measured = take(options)
        kept.write_text(json.dumps(measured))
    measured = json.loads(kept.read_text())
    out = Path(options.out)
    with open(out / "scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, measured["rows"][0], lineterminator="\n")
        writer.writeheader()
        for row in measured["rows"]:
            writer.writerow({name: f"{value:.6f}" if isinstance(value, float) else value for name, value in row.items()})
    page.write(measured, out)


if __name__ == "__main__":
    main()
