"""A Markdown page of what `cluster/rx-speed` has measured; ends with 70 where Vigil is less than twice as fast as numpy on one thread.

    python3 rx_speed_page.py FOLDER VIGIL SIDE BANDS
"""
import statistics
import sys

import numpy
from speed_page import machine, said, wrapped

folder, vigil, side, bands = sys.argv[1:]


def measured(name):
    """The median time of each run's three, and the largest distance."""
    with open(f"{folder}/{name}.txt") as file:
        lines = [tuple(map(float, line.split())) for line in file]
    return [statistics.median(time for time, _ in lines[first : first + 3]) for first in range(0, len(lines), 3)], lines[0][1]


results = {name: measured(name) for name in ("vigil", "numpy-1", "numpy-2")}
ours, largest = results["vigil"]
difference = max(abs(other / largest - 1) for _, other in results.values())
if not difference <= 1e-5:
    sys.exit(f"rx-speed: the largest distances differ by {difference:.1e}, so the programs did not do the same")


def row(title, name):
    times = results[name][0]
    ratios = [time / own for time, own in zip(times, ours)]
    middle = statistics.median(times)
    ratio = "" if name == "vigil" else f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    return f"| {title} | {middle:.3f} ({min(times):.3f}–{max(times):.3f}) | {int(side) ** 2 / middle / 1e3:.0f} | {ratio} |"


print("# Global RX beside numpy\n")
print(wrapped(
    f"`cluster/rx-speed`, {machine()}; Vigil {said([vigil, '--version'])}, numpy {numpy.__version__}. A scene of {side}×{side} pixels of "
    f"{bands} bands in memory: mean, covariance, and the squared Mahalanobis distance of every pixel, in Double; {len(ours)} rounds in turn on "
    "the same two cores, in each the median of three. numpy holds Doubles and takes the faster of two ways, the whole scene at once or blocks "
    f"of 4,096 pixels; Vigil holds Floats. The largest distances differ by {difference:.1e} of themselves. Medians of the rounds with their "
    "range; ratios are formed in each round."))
print("\n| | seconds | thousand pixels a second | its time over Vigil's |\n|---|---|---|---|")
print(row("Vigil, 2 ranks", "vigil"))
print(row("numpy, 1 thread", "numpy-1"))
print(row("numpy, 2 threads", "numpy-2"))
sys.exit(70 if statistics.median(time / own for time, own in zip(results["numpy-1"][0], ours)) < 2 else 0)
