"""The runs and the page of `datasets/results`, which says what they are."""

import argparse
import csv
import datetime
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).parent
VIGIL = ".build/release/vigil"
LAUNCH = f"{'mpirun.openmpi' if pathlib.Path('/usr/bin/mpirun.openmpi').exists() else 'mpirun'} -q -n 2 --oversubscribe"
BASELINES = ["pca", "mean-pixel"]


def fail(code, sentence):
    sys.stderr.write(f"datasets/results: {sentence}\n")
    sys.exit(code)


class Row:
    """One detector on one set."""

    def __init__(self, set_name, entry, defaults):
        self.set, self.detector = set_name, entry["detector"]
        self.seeds, self.epochs = entry.get("seeds", defaults["seeds"]), entry.get("epochs", [None])
        self.settings = defaults["settings"] | entry.get("settings", {})
        self.budget = entry.get("budget", "one pass" if self.epochs == [None] else "cut")
        self.variant = entry.get("name", "")

    @property
    def name(self):
        return self.detector + (f" ({self.variant})" if self.variant else "")

    @property
    def key(self):
        return f"{self.set}/{self.name}"

    @property
    def folder(self):
        return pathlib.Path("runs/results") / self.set / "-".join(filter(None, [self.detector, self.variant.replace(" ", "-")]))

    @property
    def asked(self):
        """What a finished row must have been asked, to be this one."""
        return {"settings": self.settings, "epochs": self.epochs, "seeds": self.seeds}


class Plan:
    """results.toml."""

    def __init__(self, path):
        text = tomllib.loads(path.read_text())
        self.sets = text["sets"]
        self.rows = []
        for entry in text["rows"]:
            for name in entry["sets"]:
                if name not in self.sets:
                    fail(os.EX_DATAERR, f"a row of {path} names the set \"{name}\", which has no [sets.{name}]")
                self.rows.append(Row(name, entry, text["defaults"]))
        for baseline in BASELINES:
            for name, about in self.sets.items():
                if not any(row.set == name and row.detector == baseline for row in self.rows):
                    settings = {"settings.latent": about["latent"]} if baseline == "pca" else {}
                    self.rows.append(Row(name, {"detector": baseline, "seeds": [0], "settings": settings}, text["defaults"]))

    def of(self, set_name):
        return [row for row in self.rows if row.set == set_name]


def vigil(*arguments, ranks=True):
    """Runs vigil and returns what it printed; ends with its code and words where the code is not 0."""
    command = [*(shlex.split(LAUNCH) if ranks else []), VIGIL, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        fail(done.returncode, f"ended with {done.returncode}: {' '.join(command)}")
    return done.stdout


def make_set(name, about, data):
    folder = pathlib.Path("runs/data") / name
    if not (folder / "manifest.json").exists():
        if data is None and any("{data}" in part for part in about["import"]):
            fail(os.EX_NOINPUT, f"{name} is made of real data; give its folder by --data or VIGIL_DATA")
        vigil(*(part.format(data=data) for part in about["import"]), "--out", folder)
    return folder


def run_row(row, data):
    """Every seed, evaluated after each of the row's epochs; a run that is asked for more epochs goes on."""
    found = {"asked": row.asked, "date": str(datetime.date.today()), "machine": machine(), "seeds": {}}
    for seed in row.seeds:
        run, looks = row.folder / f"seed-{seed}", []
        for epochs in row.epochs:
            kept = row.folder / f"seed-{seed}-{epochs or 'all'}.json"
            if not kept.exists():
                keys = {"seed": seed} | row.settings | ({} if epochs is None else {"epochs": epochs})
                overrides = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
                vigil("train", "--detector", row.detector, "--data", data, "--out", run, *overrides)
                total, samples = seconds_of(run)
                began = time.monotonic()
                metrics = json.loads(vigil("evaluate", "--json", run))
                kept.write_text(json.dumps({
                    "epochs": epochs, "seconds": total, "samples": samples, "scoring": time.monotonic() - began, "default": metrics["default"],
                    "scores": {
                        name: {key: score[key] for key in ("auroc", "average_precision", "best_f1")} for name, score in metrics["scores"].items()}}))
            looks.append(json.loads(kept.read_text()))
            at = looks[-1]
            print(f"{row.key} seed {seed}{'' if epochs is None else f' epoch {epochs}'}: AUROC {at['scores'][at['default']]['auroc']:.4f}", flush=True)
        found["seeds"][str(seed)] = looks
    return found


def seconds_of(run):
    """Of training, all jobs of the run together, and the samples that all ranks read in them."""
    ends = [json.loads(line) for line in open(run / "log.jsonl")]
    ends = [event for event in ends if event["event"] == "end"]
    return sum(event["seconds"] for event in ends), sum(sum(event["samples_read"]) for event in ends)


def machine():
    lines = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {lines[0] if lines else 'an unknown processor'}"


# The page


def spread(values):
    values = list(values)
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def last(found):
    return [looks[-1] for looks in found["seeds"].values()]


def mean_auroc(found, score=None):
    return statistics.mean(at["scores"][score or at["default"]]["auroc"] for at in last(found))


def cells(row, found, baselines, published):
    """The columns of a detector, of its default score."""
    ends = last(found)
    default = ends[0]["default"]
    samples, seconds = sum(at["samples"] for at in ends), sum(at["seconds"] for at in ends)
    better = [name for name, value in baselines.items() if value >= mean_auroc(found)] if row.detector not in BASELINES else []
    budget = {"published": "published length", "cut": "cut"}.get(row.budget, row.budget)
    length = "" if row.epochs == [None] else f"{row.epochs[-1]} epochs, "
    return [
        row.name, f"{length}{budget}", default, spread(at["scores"][default]["auroc"] for at in ends),
        spread(at["scores"][default]["average_precision"] for at in ends), ", ".join(found["seeds"]),
        f"{1000 * seconds / samples:.2f}" if samples else "", f"{1000 * statistics.mean(at['scoring'] for at in ends) / found['test']:.2f}",
        published.get((row.set, row.detector), ""), f"not above {' and '.join(better)}" if better else ""]


def other_scores(rows, kept):
    """Every score of detectors with several, one line each."""
    lines = []
    for row in rows:
        found = kept[row.key]
        scores = last(found)[0]["scores"]
        if len(scores) > 1:
            values = ", ".join(f"{name} {spread(at['scores'][name]['auroc'] for at in last(found))}" for name in scores)
            lines.append(f"- {row.name}: {values}")
    return ["AUROC by each score:", "", *lines, ""] if lines else []


def curves(rows, kept):
    """AUROC over epochs of rows that were evaluated on the way, the mean of the seeds."""
    lines = []
    for row in rows:
        runs = list(kept[row.key]["seeds"].values())
        if len(row.epochs) > 1:
            points = (
                f"{looks[0]['epochs']}: {statistics.mean(at['scores'][at['default']]['auroc'] for at in looks):.3f}" for looks in zip(*runs))
            lines.append(f"- {row.name}: {', '.join(points)}")
    return ["AUROC after epochs, mean of the seeds:", "", *lines, ""] if lines else []


HEADING = [
    "detector", "training", "score", "AUROC", "average precision", "seeds", "s of training per 1,000 samples", "ms of scoring a sample", "published",
    "baselines"]


def section(name, about, rows, kept, published):
    rows = [row for row in rows if row.key in kept]
    if not rows:
        return [f"## {about['title']}", "", about["protocol"], "", "Not run yet.", ""]
    baselines = {row.detector: mean_auroc(kept[row.key]) for row in rows if row.detector in BASELINES}
    dates = sorted({kept[row.key]["date"] for row in rows})
    table = [cells(row, kept[row.key], baselines, published) for row in rows]
    return [
        f"## {about['title']}", "", about["protocol"], "", "| " + " | ".join(HEADING) + " |", "|" + "---|" * len(HEADING),
        *("| " + " | ".join(line) + " |" for line in table), "", *other_scores(rows, kept), *curves(rows, kept),
        f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}, 2 ranks on {kept[rows[0].key]['machine']}; "
        f"`datasets/results {name}` makes these rows again.", ""]


def published_figures(path):
    """By set and detector, as a cell; what is at hand to compare with."""
    with open(path, newline="") as file:
        return {
            (line["set"], line["detector"]): f"{line['value']} {line['metric']}{'' if line['verified'] == 'yes' else ' (second-hand)'}, {line['protocol']}"
            for line in csv.DictReader(file) if line["set"]}


def page(plan, kept, published):
    text = (HERE / "RESULTS.md.in").read_text()
    sections = [line for name, about in plan.sets.items() for line in section(name, about, plan.of(name), kept, published)]
    return text.replace("{sections}", "\n".join(sections).rstrip())


def parsed(plan):
    parser = argparse.ArgumentParser(prog="datasets/results", description="Makes the rows of datasets/RESULTS.md.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="of datasets/results.toml; all unless some are named")
    parser.add_argument("--detector", help="only its rows")
    parser.add_argument("--data", default=os.environ.get("VIGIL_DATA"), help="folder of real data")
    parser.add_argument("--list", action="store_true", help="the rows, and which are finished")
    parser.add_argument("--page", action="store_true", help="the page alone")
    options = parser.parse_args()
    for name in options.sets:
        if name not in plan.sets:
            fail(os.EX_USAGE, f"there is no set \"{name}\"; there are {', '.join(plan.sets)}")
    return options


def write(path, text):
    """Whole or not at all."""
    partial = path.with_suffix(".writing")
    partial.write_text(text)
    partial.rename(path)


def main():
    plan, store = Plan(HERE / "results.toml"), HERE / "results.json"
    options = parsed(plan)
    kept = json.loads(store.read_text()) if store.exists() else {}
    kept = {row.key: kept[row.key] for row in plan.rows if row.key in kept and kept[row.key]["asked"] == row.asked}
    chosen = [row for row in plan.rows if row.set in (options.sets or plan.sets) and options.detector in (None, row.detector)]
    if options.list:
        for row in chosen:
            print(f"{row.key}: {'finished' if row.key in kept else 'to do'}")
        return
    for row in [] if options.page else chosen:
        if row.key in kept:
            continue
        data = make_set(row.set, plan.sets[row.set], options.data)
        row.folder.mkdir(parents=True, exist_ok=True)
        found = run_row(row, data)
        manifest = json.loads((data / "manifest.json").read_text())
        found["test"] = sum(kind["counts"].get("test", 0) for kind in manifest["classes"])
        kept[row.key] = found
        write(store, json.dumps(kept, indent=1, sort_keys=True) + "\n")
        write(HERE / "RESULTS.md", page(plan, kept, published_figures(HERE / "published.csv")))
    write(HERE / "RESULTS.md", page(plan, kept, published_figures(HERE / "published.csv")))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        fail(os.EX_TEMPFAIL, "interrupted; the same command goes on with what is not finished")
