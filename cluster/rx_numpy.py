"""Global RX, statistics and map, by numpy, as the whole scene at once and as blocks of pixels: prints the seconds of the faster one of each
round, and the largest distance.

    OPENBLAS_NUM_THREADS=1 python3 rx_numpy.py SET ROUNDS
"""
import glob
import sys
import time

import h5py
import numpy

folder, rounds = sys.argv[1], int(sys.argv[2])


def samples(shard):
    with h5py.File(shard) as source:
        return source["samples"][:]


# in Double from the start, which spares numpy the conversion that Vigil makes
pixels = numpy.concatenate([samples(shard) for shard in sorted(glob.glob(folder + "/scene-*.h5"))]).astype(numpy.float64)


def whole():
    centered = pixels - pixels.mean(0)
    inverse = numpy.linalg.inv(centered.T @ centered / len(pixels))
    return numpy.einsum("ij,ij->i", centered @ inverse, centered)


def in_blocks(size=4096):
    mean = pixels.mean(0)
    covariance = numpy.zeros((pixels.shape[1],) * 2)
    for first in range(0, len(pixels), size):
        centered = pixels[first : first + size] - mean
        covariance += centered.T @ centered
    inverse, distances = numpy.linalg.inv(covariance / len(pixels)), []
    for first in range(0, len(pixels), size):
        centered = pixels[first : first + size] - mean
        distances.append(numpy.einsum("ij,ij->i", centered @ inverse, centered))
    return numpy.concatenate(distances)


for _ in range(rounds):
    times = []
    for form in whole, in_blocks:
        begin = time.perf_counter()
        distances = form()
        times.append(time.perf_counter() - begin)
    print(min(times), distances.max())
