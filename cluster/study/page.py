"""The page: what was measured, the model with its inputs, the check of one against the other, and what it predicts."""

import math
import shutil
import subprocess
from pathlib import Path

import plot
from model import (
    Arithmetic,
    Network,
    dependent,
    expected_maximum,
    library,
    mean,
    median,
    predicted_step,
    strong_efficiency,
    tree,
    weak_efficiency,
)

NETWORKS = [Network("100 Gbit/s, 2 µs", 2e-6, 100e9 / 8), Network("10 Gbit/s, 30 µs", 30e-6, 10e9 / 8)]
RANKS = [1 << power for power in range(13)]
STRONG = [4096, 65536]  # samples of a step
NODES = {
    True: "Several nodes are hosts made out of this machine (`cluster/hosts`), with networks of their own: they share its cores and meet by TCP.",
    False: "The nodes are those of a Slurm job.",
}


class Findings:
    """Measurements as the page and the model read them."""

    def __init__(self, measured):
        self.measured, self.options = measured, measured["options"]
        self.lanes, self.rows = measured["lanes"], measured["rows"]
        self.adding = median([run["adding"] for link in measured["links"] for run in link["runs"]]) if measured["links"] else 8e9
        self.all = self.arithmetic(next(entry["segments"] for entry in measured["arithmetic"] if entry["lanes"] == self.lanes))
        self.counting = self.arithmetic(measured["counting"]).as_long_as(self.all)
        self.base = self.rows[0]

    def arithmetic(self, steps):
        by_lanes = {entry["lanes"]: mean([sum(step) for step in entry["segments"]]) for entry in self.measured["arithmetic"]}
        return Arithmetic(steps, self.measured["turns"], self.lanes, by_lanes)

    def of(self, key, reduce="tree"):
        return sorted((row for row in self.rows if identity(row) == key and row["reduce"] == reduce), key=lambda row: row["round"])

    def keys(self, kind):
        """Of the places of a sweep; the base belongs to both where its minibatch does."""
        wanted = self.options["total"] if kind == "strong" else self.options["per_rank"] * self.base["ranks"] * self.base["threads"]
        shared = [self.base] if self.base["minibatch"] == wanted else []
        return list(dict.fromkeys(identity(row) for row in shared + [row for row in self.rows if row["kind"] == kind]))

    def efficiency(self, row):
        """Samples a second and core in use, against the base of the same round."""
        base = next(b for b in self.rows if identity(b) == identity(self.base) and b["round"] == row["round"])
        return rate(row) / in_use(row) / (rate(base) / in_use(base))

    def link_runs(self, link):
        return next(entry["runs"] for entry in self.measured["links"] if entry["link"] == link)

    def network(self, link, runs=None):
        """As measured: by the median of these runs, or of all."""
        runs = runs or self.link_runs(link)
        exchanges = {int(size): median([run["exchanges"][size] for run in runs]) for size in runs[0]["exchanges"]}
        return Network(link, exchanges[0], median([run["bytes_per_second"] for run in runs]), exchanges=exchanges)


def identity(row):
    return tuple(row[name] for name in ("kind", "nodes", "ranks", "threads", "link", "minibatch"))


def rate(row):
    return row["minibatch"] / row["step"]


def in_use(row):
    return min(row["ranks"] * row["threads"], row["cores"])


def table(heading, rows):
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def words(count, name):
    return f"{count} {name}" + "s" * (count > 1)


def milliseconds(value):
    return f"{value * 1e3:.1f}"


def percent(value):
    return "" if math.isnan(value) else f"{value * 100:.1f} %"


def measured_table(findings, kind):
    waiting = {tuple(w["place"][name] for name in ("nodes", "ranks", "threads", "link")): w["share"] for w in findings.measured["waiting"]}
    rows = []
    for key in findings.keys(kind):
        found, beside = findings.of(key), findings.of(key, "library")
        middle = {name: median([row[name] for row in found]) for name in ("step", "arithmetic", "imbalance", "communication")}
        row, share = found[0], waiting.get(key[1:5])
        equal_bits = median([a["step"] / b["step"] for a, b in zip(found, beside)]) - 1 if beside else math.nan
        crowd = "" if row["ranks"] * row["threads"] <= row["cores"] else f" on {row['cores']} cores"
        rows.append(
            [
                f"{row['nodes']} × {row['ranks'] // row['nodes']} × {row['threads']}{crowd}",
                row["link"],
                str(row["minibatch"]),
                milliseconds(middle["step"]),
                milliseconds(middle["arithmetic"]),
                milliseconds(middle["communication"]),
                milliseconds(middle["imbalance"]),
                percent(share) if share is not None and kind == "weak" else "",
                f"{row['minibatch'] / middle['step']:.0f}",
                percent(median([findings.efficiency(r) for r in found])),
                "" if math.isnan(equal_bits) else f"{equal_bits * 100:+.1f} %",
            ]
        )
    heading = ["nodes × ranks × threads", "network", "samples a step", "step, ms", "arithmetic", "communication that shows", "imbalance"]
    return table(heading + ["waiting for data", "samples/s", "efficiency", "equal bits cost"], rows)


def checks(findings):
    """Of every place of two nodes with a rank each, the predicted and the measured step, round by round."""
    found = []
    for kind in ("strong", "weak"):
        for key in findings.keys(kind):
            rows = findings.of(key)
            if rows[0]["nodes"] != 2 or rows[0]["ranks"] != 2 or rows[0]["threads"] != 1:
                continue
            link, lanes = rows[0]["link"], rows[0]["minibatch"] // findings.options["microbatch"] // 2
            predictions = [
                predicted_step(
                    findings.arithmetic(run["segments"]),
                    2,
                    findings.network(link, [run]),
                    findings.adding,
                    findings.options["overlap"],
                    lanes=lanes,
                )
                for run in findings.link_runs(link)
            ]
            steps = [row["mean_step"] for row in rows]
            found.append((kind, rows[0], median(predictions), median(steps), median([p / s - 1 for p, s in zip(predictions, steps)])))
    return found


def check_table(findings):
    rows = [
        [f"{kind}, {row['minibatch']} samples", row["link"], milliseconds(predicted), milliseconds(step), f"{off * 100:+.1f} %"]
        for kind, row, predicted, step, off in checks(findings)
    ]
    return table(["2 nodes × 1 rank × 1 thread", "network", "predicted step, ms", "measured step, ms", "predicted against measured"], rows)


def predicted_weak_table(findings, network):
    rest = (network, findings.adding)
    rows = []
    for ranks in RANKS:

        def efficiency(overlap, arithmetic=findings.all, **options):
            return percent(weak_efficiency(arithmetic, ranks, *rest, overlap, **options))

        with_tree, free = (predicted_step(findings.all, ranks, *rest, False, way=way) for way in (tree, library))
        rows.append(
            [str(ranks), efficiency(True), efficiency(False)]
            + [efficiency(True, findings.counting), efficiency(True, spread=False), f"{(with_tree / free - 1) * 100:+.2f} %"]
        )
    heading = [
        "ranks",
        "predicted, sums overlapped",
        "predicted, not overlapped",
        "predicted, overlapped, spread of counting",
        "predicted, overlapped, no spread",
        "equal bits cost, predicted, not overlapped",
    ]
    return table(heading, rows)


def predicted_strong_table(findings):
    cells = [(samples, network) for samples in STRONG for network in NETWORKS]
    rows = []
    for ranks in RANKS:
        rows.append(
            [str(ranks)]
            + [
                percent(strong_efficiency(findings.all, ranks, samples // findings.options["microbatch"], network, findings.adding, True))
                for samples, network in cells
            ]
        )
    return table(["ranks"] + [f"predicted, {samples:,} samples, {network.name}" for samples, network in cells], rows)


def inputs(findings):
    arithmetic, turns = findings.all, findings.measured["turns"]
    sums = [planned for turn in turns for planned in turn]
    waits, others = [s for s in sums if dependent(s)], [s for s in sums if not dependent(s)]
    steps = [sum(step) for step in arithmetic.steps]
    fixed, lane = arithmetic.seconds(0), arithmetic.seconds(1) - arithmetic.seconds(0)
    slowest, counting = (
        ", ".join(f"{sum(a.segments(ranks)) / mean(steps):.3f}" for ranks in (2, 64, 1024, 4096)) for a in (arithmetic, findings.counting)
    )
    whole = ", ".join(f"{expected_maximum(steps, ranks) / mean(steps):.3f}" for ranks in (2, 64, 1024, 4096))
    measured = ", ".join(f"{milliseconds(seconds)} ms at {lanes}" for lanes, seconds in sorted(arithmetic.by_lanes.items()))
    return [
        f"arithmetic of a rank on a full node (every core with a rank), mean step by lanes (of {findings.options['microbatch']} samples): {measured}; "
        f"by least squares {milliseconds(fixed)} ms and {milliseconds(lane)} ms a lane",
        f"its spread, from {len(steps)} steps in {len(arithmetic.steps[0])} segments: the expected slowest of 2, 64, 1,024 and 4,096 ranks, "
        f"met at every sum, takes {slowest} of the mean (met once a step {whole}). More draws cannot be slower than the slowest that was measured",
        f"the same of ranks that only count, in segments as long, on the same cores in turn with it (`cluster/study/counting.py`): {counting}",
        f"{len(turns)} turns of {len(sums)} sums: {len(waits)} that all ranks wait for, {sum(s['bytes'] for s in waits):,} bytes "
        "(statistics, losses, and what is ready last); "
        f"{len(others)} that backward leaves time for, {sum(s['bytes'] for s in others):,} bytes (gradients)",
        f"a vector is added to another at {findings.adding / 1e9:.1f} GB/s",
    ] + [
        f"link of 2 nodes, {network.name}: an empty exchange takes {network.latency * 1e6:.0f} µs, messages of 1 MiB both ways, many at once, move at "
        f"{network.bytes_per_second * 8e-9:.2f} Gbit/s; exchanges of "
        + ", ".join(f"{size // 1024} KiB {milliseconds(seconds)} ms" for size, seconds in network.exchanges.items() if size)
        for network in (findings.network(entry["link"]) for entry in findings.measured["links"])
    ]


def write(measured, out):
    """SCALING.md and the plot."""
    findings = Findings(measured)
    drawing = plot.draw(findings, NETWORKS, RANKS)
    (out / "scaling.svg").write_text(drawing)
    picture = "scaling.svg"
    if shutil.which("rsvg-convert"):
        picture = "scaling.png"
        subprocess.run(["rsvg-convert", "--zoom", "2", "-o", str(out / picture), str(out / "scaling.svg")], check=True)
    text = (Path(__file__).parent / "SCALING.md.in").read_text()
    machine, options = measured["machine"], findings.options
    goal = weak_efficiency(findings.all, 1024, NETWORKS[0], findings.adding, True)
    worst = max((abs(off) for *_, row, _, _, off in checks(findings) if any(c.isdigit() for c in row["link"])), default=math.nan)
    values = dict(
        machine,
        **{name: options[name] for name in ("detector", "sample", "per_rank", "total", "rounds", "steps")},
        picture=picture,
        overlapped=(
            "overlap with arithmetic"
            if options["overlap"]
            else "do not overlap with arithmetic, neither in the program nor in its prediction"
        ),
        nodes=NODES[options["launcher"] == "local"],
        base=f"{words(findings.base['ranks'], 'rank')} of {words(findings.base['threads'], 'thread')}",
        threads=words(measured["full"]["threads"], "thread"),
        binding="; ".join(f"{place}: {how}" for place, how in measured["binding"]),
        strong=measured_table(findings, "strong"),
        weak=measured_table(findings, "weak"),
        inputs="\n".join(f"- {line}" for line in inputs(findings)),
        checks=check_table(findings),
        worst=percent(worst),
        goal=percent(goal),
        counting=percent(weak_efficiency(findings.counting, 1024, NETWORKS[0], findings.adding, True)),
        predicted="\n\n".join(f"Weak, {network.name}:\n\n{predicted_weak_table(findings, network)}" for network in NETWORKS),
        predicted_strong=predicted_strong_table(findings),
    )
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    (out / "SCALING.md").write_text(text)
