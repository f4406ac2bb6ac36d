"""Scores a set's test split by an exported graph in onnxruntime and writes scores and maps; prints the nanoseconds that it took, without
the import of modules.

    python3 onnx_scores.py GRAPH SET RESULTS THREADS
"""
import glob
import sys
import time

import h5py
import numpy
import onnxruntime

graph, folder, results, threads = sys.argv[1:]
begin = time.perf_counter_ns()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs() if not output.name.startswith("reconstruction_")]
parts = []
for shard in sorted(glob.glob(folder + "/test-*.h5")):
    with h5py.File(shard) as source:
        x = source["samples"][:]
    # batches of 16 to 64 are the fastest
    parts += [session.run(names, {"sample": x[first : first + 64]}) for first in range(0, len(x), 64)]
with h5py.File(results, "w") as file:
    for name, values in zip(names, zip(*parts)):
        file[name] = numpy.concatenate(values)
print(time.perf_counter_ns() - begin)
