"""A Markdown page of what `cluster/score-speed` has measured.

    python3 score_speed_page.py FOLDER VIGIL DETECTOR SIDE NANOSECONDS...

FOLDER has scores-1 of Vigil and theirs-1.h5 of onnxruntime; the times are of Vigil and of onnxruntime in turn.
"""
import statistics
import sys

import h5py
import numpy
import onnxruntime
from speed_page import machine, said, wrapped

folder, vigil, detector, side, *times = sys.argv[1:]
seconds = [int(time) / 1e9 for time in times]
ours, theirs = seconds[::2], seconds[1::2]
ratios = [theirs / ours for ours, theirs in zip(ours, theirs)]
with h5py.File(folder + "/scores-1/scores.h5") as own, h5py.File(folder + "/theirs-1.h5") as other:
    names = [name for name in other if name.startswith("score_")]
    pairs = [(own[name.removeprefix("score_")][:], other[name][:]) for name in names]
samples = len(pairs[0][0])
difference = max(float(numpy.abs(a - b).max() / numpy.abs(a).max()) for a, b in pairs)
if not difference <= 1e-4:
    sys.exit(f"score-speed: the scores differ by {difference:.1e} of the largest, so the two did not do the same")


def row(name, part):
    middle = statistics.median(part)
    return f"| {name} | {middle:.2f} ({min(part):.2f}–{max(part):.2f}) | {samples / middle:.0f} |"


rounds = f"{len(ours)} round" + "s" * (len(ours) > 1)
introduction = (
    f"`cluster/score-speed`, {machine()}; Vigil {said([vigil, '--version'])}, onnxruntime {onnxruntime.__version__}; {detector} on {samples} "
    f"patches of {side}×{side}, {rounds} "
    "in turn on the same two cores. Vigil's time is of the whole program on two ranks: start, reading of the run and the patches, scores and maps "
    "written, verdicts. onnxruntime's is of the graph that `vigil export --onnx` wrote, with two threads: loading it, reading the patches, scores "
    "and maps written; Python's start and its modules are not counted. Medians of the rounds with their range; the ratio is formed in each round. "
    f"The scores of both differ by at most {difference:.1e} of the largest."
)
print("# Scoring beside onnxruntime\n")
print(wrapped(introduction) + "\n")
print("| | seconds | patches a second |\n|---|---|---|")
print(row("`vigil score`, 2 ranks", ours))
print(row("onnxruntime, 2 threads", theirs))
print(f"\nonnxruntime's time over Vigil's: **{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})")
