#!/usr/bin/env python3
"""A rank that only counts, in steps of segments as long as a program's: what it takes longer at times, the machine takes from any program.

counting.py FOLDER STEPS SECONDS...     writes the seconds of each step's segments into a file of its own in FOLDER
"""

import json
import os
import platform
import sys
import time
from itertools import repeat


def timed(count):
    """Seconds of counting so far."""
    began = time.perf_counter()
    for _ in repeat(None, count):
        pass
    return time.perf_counter() - began


def main():
    folder, steps, segments = sys.argv[1], int(sys.argv[2]), [float(text) for text in sys.argv[3:]]
    sample = 1 << 16
    rate = sample / sorted(timed(sample) for _ in range(101))[50]
    counts = [round(rate * seconds) for seconds in segments]
    found = [[timed(count) for count in counts] for _ in range(steps)]
    with open(os.path.join(folder, f"counted-{platform.node()}-{os.getpid()}.json"), "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
