"""Runs what `vigil export --onnx FILE` wrote in onnxruntime on a set's shard and compares it with `vigil score`.

    python3 onnx_check.py FILE SET/test-00000.h5 DIR

Every score, map and reconstruction that both have, probabilities of a false alarm and verdicts; batches of 1, 7 and all that is left, since the number of samples is free.
"""
import csv
import sys

import h5py
import numpy
import onnx
import onnxruntime

file, shard, folder = sys.argv[1:]
onnx.checker.check_model(file, full_check=True)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
with h5py.File(shard) as samples:
    x = samples["samples"][:]
parts = [session.run(names, {"sample": part}) for part in (x[:1], x[1:8], x[8:])]
theirs = {name: numpy.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}
with h5py.File(folder + "/scores.h5") as scores:
    found = {}
    scores.visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
with open(folder + "/scores.csv") as table:
    rows = list(csv.DictReader(table))
differences = {}
for name, values in theirs.items():
    kind, _, own = name.partition("_")
    if kind in ("score", "map", "reconstruction"):
        known = found[own if kind == "score" else name]
        differences[name] = float(numpy.abs(values - known.reshape(values.shape)).max() / max(numpy.abs(known).max(), 1e-30))
if not any(name.startswith("score_") for name in differences):
    sys.exit("no score was compared")
judged = "alarm" in theirs
if judged:
    model = onnx.load(file)
    about = {item.key: item.value for item in model.metadata_props}
    comparison = next(node for node in model.graph.node if node.op_type == "LessOrEqual")
    normals = next(onnx.numpy_helper.to_array(item) for item in model.graph.initializer if item.name == comparison.input[1]).ravel()
    score, threshold = found[about["threshold_of"].removeprefix("score_")], float(about["threshold"])
    # rounding may move a score to the other side of a normal's or of the threshold, but no further
    room = 1e-4 * numpy.abs(score).max()
    least, most = ((1 + (normals >= (score + move)[:, None]).sum(1)) / (1 + len(normals)) for move in (room, -room))
    for values in theirs["false_alarm_probability"], numpy.array([float(row["false_alarm_probability"]) for row in rows]):
        if ((values < least - 1e-6) | (values > most + 1e-6)).any():
            sys.exit("the probabilities of a false alarm differ")
    clear = numpy.abs(score - threshold) > room
    for values in theirs["alarm"], numpy.array([row["verdict"] != "normal" for row in rows]):
        if (values != (score >= threshold))[clear].any():
            sys.exit("the verdicts differ")
worst = max(differences, key=differences.get)
print(f"{len(x)} samples, {len(differences)} outputs{' with verdicts' if judged else ''}, largest difference {differences[worst]:.1e} of the largest value, in {worst}")
sys.exit(65 if not differences[worst] <= 1e-4 else 0)
