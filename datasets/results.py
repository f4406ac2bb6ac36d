"""The runs and the page of `datasets/results`, which says what they are."""

import argparse
import concurrent.futures
import csv
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).parent
STORE = HERE / "results.json"
VIGIL = ".build/release/vigil"
BASELINES = ["pca", "mean-pixel"]


class Failed(Exception):
    """A code of sysexits, and what went wrong."""


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
        return pathlib.Path("runs/results") / self.set / re.sub("[^a-z0-9_]+", "-", self.name).strip("-")

    @property
    def asked(self):
        """What a finished row must have been asked, to be this one."""
        return {"settings": self.settings, "epochs": self.epochs, "seeds": self.seeds}


def filled(value, one):
    if isinstance(value, list):
        return [filled(part, one) for part in value]
    return value.replace("{each}", one) if isinstance(value, str) else value


class Plan:
    """results.toml."""

    def __init__(self, path):
        text = tomllib.loads(path.read_text())
        # by a family's name its sets' own; a set without `each` is the one of its family
        self.families = {name: [name.replace("{each}", one) for one in about.get("each", [""])] for name, about in text["sets"].items()}
        self.sets = {
            name: {key: filled(value, one) for key, value in about.items() if key != "each"}
            for family, about in text["sets"].items() for name, one in zip(self.families[family], about.get("each", [""]))}
        self.rows = []
        for entry in text["rows"]:
            for name in (name for family in entry["sets"] for name in self.families.get(family, [family])):
                if name not in self.sets:
                    raise Failed(os.EX_DATAERR, f"a row of {path} names the set \"{name}\", which has no [sets.{name}]")
                self.rows.append(Row(name, entry, self.defaults(name, text["defaults"])))
        for baseline in BASELINES:
            for name, about in self.sets.items():
                if not any(row.set == name and row.detector == baseline for row in self.rows):
                    settings = {"settings.latent": about["latent"]} if baseline == "pca" else {}
                    self.rows.append(Row(name, {"detector": baseline, "seeds": [0], "settings": settings}, self.defaults(name, text["defaults"])))

    def defaults(self, set_name, text):
        return text | {"settings": text["settings"] | self.sets[set_name].get("settings", {})}

    def of(self, set_name):
        return [row for row in self.rows if row.set == set_name]


def vigil(*arguments):
    """Runs vigil and returns its CPU seconds and what it printed; where its code is not 0, ends with that and its words."""
    command = [VIGIL, *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise Failed(process.returncode, f"{errors.read()}ended with {process.returncode}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, output


def make_set(name, about, data):
    folder = pathlib.Path("runs/data") / name
    if not (folder / "manifest.json").exists():
        archives = about.get("unpack", [])
        if data is None and any("{data}" in part for part in about["import"] + archives):
            raise Failed(os.EX_NOINPUT, f"{name} is made of real data; give its folder by --data or VIGIL_DATA")
        with tempfile.TemporaryDirectory() as unpacked:
            for archive in archives:
                unpack(archive.format(data=data), unpacked)
            vigil(*(part.format(data=data, unpacked=unpacked) for part in about["import"]), "--out", folder)
    return folder


def unpack(archive, folder):
    done = subprocess.run(["tar", "-C", folder, "-xf", archive], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(os.EX_DATAERR, f"{archive} cannot be unpacked: {done.stderr.strip().splitlines()[-1]}")


def run_seed(row, seed, about, data):
    """A seed, evaluated after each of the row's epochs; a run that is asked for more epochs goes on."""
    run, looks = row.folder / f"seed-{seed}", []
    for epochs in row.epochs:
        kept = row.folder / f"seed-{seed}-{epochs or 'all'}.json"
        if not kept.exists():
            keys = {"seed": seed} | row.settings | ({} if epochs is None else {"epochs": epochs})
            overrides = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
            training, _ = vigil("train", "--detector", row.detector, "--data", data, "--out", run, *overrides)
            scoring, metrics = vigil("evaluate", "--json", *(["--top", about["top"]] if "top" in about else []), run)
            metrics = json.loads(metrics)
            before = looks[-1] if looks else {"seconds": 0, "samples": 0}
            write(kept, json.dumps({
                "epochs": epochs, "seconds": before["seconds"] + training, "samples": before["samples"] + samples_of(run), "scoring": scoring,
                "default": metrics["default"], "scores": {name: figures(score) for name, score in metrics["scores"].items()}}))
        looks.append(json.loads(kept.read_text()))
        at = looks[-1]
        print(
            f"{row.key} seed {seed}{'' if epochs is None else f' epoch {epochs}'}: AUROC {at['scores'][at['default']]['auroc']:.4f}, "
            f"{at['seconds']:.0f} CPU seconds", flush=True)
    return looks


def figures(score):
    """What the page keeps of a score's metrics."""
    top = score["thresholds"].get("top_share")
    return {key: score[key] for key in ("auroc", "average_precision", "best_f1")} | ({} if top is None else {"top_f1": top["f1"]}) | {
        "classes": {name: metrics["auroc"] for name, metrics in score["classes"].items()}}


def samples_of(run):
    """That the run's last job read."""
    ends = [event for event in map(json.loads, open(run / "log.jsonl")) if event["event"] == "end"]
    return sum(ends[-1]["samples_read"])


def machine():
    lines = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {lines[0] if lines else 'an unknown processor'}"


# The page


def spread(values):
    values = list(values)
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def last(found):
    return [looks[-1] for looks in found["seeds"].values()]


def mean(found, figure):
    return statistics.mean(at["scores"][at["default"]][figure] for at in last(found))


def cells(row, found, metrics, baselines, published):
    """The columns of a detector, of its default score."""
    ends = last(found)
    default = ends[0]["default"]
    samples, seconds = sum(at["samples"] for at in ends), sum(at["seconds"] for at in ends)
    better = [name for name, value in baselines.items() if value >= mean(found, metrics[0])] if row.detector not in BASELINES else []
    budget = {"published": "published length", "cut": "cut"}.get(row.budget, row.budget)
    length = "" if row.epochs == [None] else f"{row.epochs[-1]} epochs, "
    return [
        row.name, f"{length}{budget}", default, *(spread(at["scores"][default][figure] for at in ends) for figure in metrics), ", ".join(found["seeds"]),
        f"{1000 * seconds / samples:.2f}" if samples else "", f"{1000 * statistics.mean(at['scoring'] for at in ends) / found['test']:.2f}",
        published.get((row.set, row.detector), ""), f"not above {' and '.join(better)}" if better else ""]


def other_scores(rows, kept, metrics):
    """Every score of detectors with several, one line each."""
    lines = []
    for row in rows:
        ends = last(kept[row.key])
        if len(ends[0]["scores"]) > 1:
            values = (
                " / ".join([f"{name} {spread(at['scores'][name][metrics[0]] for at in ends)}"] + [
                    spread(at["scores"][name][figure] for at in ends) for figure in metrics[1:]]) for name in ends[0]["scores"])
            lines.append(f"- {row.name}: {', '.join(values)}")
    return [f"By each score ({' / '.join(METRICS[figure] for figure in metrics)}):", "", *lines, ""] if lines else []


def classes(rows, kept):
    """AUROC of each class of anomalies where there are several: a table of its own."""
    names = list(last(kept[rows[0].key])[0]["scores"].values())[0]["classes"]
    if len(names) < 2:
        return []
    lines = [
        [row.name, *(spread(at["scores"][at["default"]]["classes"][name] for at in last(kept[row.key])) for name in names)] for row in rows]
    return ["AUROC by class:", "", *table(["detector", *names], lines), ""]


def curves(rows, kept, figure):
    """A figure over epochs of rows that were evaluated on the way, the mean of the seeds."""
    lines = []
    for row in rows:
        runs = list(kept[row.key]["seeds"].values())
        if len(row.epochs) > 1:
            points = (
                f"{looks[0]['epochs']}: {statistics.mean(at['scores'][at['default']][figure] for at in looks):.3f}" for looks in zip(*runs))
            lines.append(f"- {row.name}: {', '.join(points)}")
    return [f"{METRICS[figure]} after epochs, mean of the seeds:", "", *lines, ""] if lines else []


# The figures of a table, the first of which baselines are compared by, as `vigil evaluate --json` names them and as the page does.
METRICS = {"auroc": "AUROC", "average_precision": "average precision", "top_f1": "F1 of the top share"}


def table(heading, lines):
    return ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading), *("| " + " | ".join(line) + " |" for line in lines)]


def section(name, about, rows, kept, published):
    """Of a set of which a row is finished."""
    rows = [row for row in rows if row.key in kept]
    if not rows:
        return []
    metrics = ["top_f1", "auroc", "average_precision"] if "top" in about else ["auroc", "average_precision"]
    baselines = {row.detector: mean(kept[row.key], metrics[0]) for row in rows if row.detector in BASELINES}
    dates = sorted({kept[row.key]["date"] for row in rows})
    heading = [
        "detector", "training", "score", *map(METRICS.get, metrics), "seeds", "CPU s of training per 1,000 samples", "CPU ms of scoring a sample",
        "published", "baselines"]
    lines = [cells(row, kept[row.key], metrics, baselines, published) for row in rows]
    return [
        f"## {about['title']}", "", about["protocol"], "", *table(heading, lines), "", *other_scores(rows, kept, metrics), *classes(rows, kept),
        *curves(rows, kept, metrics[0]), f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}, on {kept[rows[0].key]['machine']}; "
        f"`datasets/results {name}` makes these rows again.", ""]


def means(family, rows_by_set, kept, published):
    """Of the detectors that are finished on all of three or more sets of a family: what papers report."""
    names = [row.name for row in rows_by_set[0]]
    found = {
        name: [kept[row.key] for rows in rows_by_set for row in rows if row.name == name and row.key in kept] for name in names}
    lines = [
        f"- {name}: {statistics.mean(mean(one, 'auroc') for one in all_of):.3f}"
        + (f"; published {published[family, name]}" if (family, name) in published else "")
        for name, all_of in found.items() if len(all_of) == len(rows_by_set) > 2]
    return [f"Mean AUROC over the {len(rows_by_set)} sets above:", "", *lines, ""] if lines else []


def published_figures(path):
    """By set and detector, as a cell; what is at hand to compare with."""
    with open(path, newline="") as file:
        return {
            (line["set"], line["detector"]): f"{line['value']} {line['metric']}{'' if line['verified'] == 'yes' else ' (second-hand)'}, {line['protocol']}"
            for line in csv.DictReader(file) if line["set"]}


def page(plan, kept, published):
    text = (HERE / "RESULTS.md.in").read_text()
    sections, waiting = [], [about["title"] for name, about in plan.sets.items() if not any(row.key in kept for row in plan.of(name))]
    for family, names in plan.families.items():
        for name in names:
            sections += section(name, plan.sets[name], plan.of(name), kept, published)
        sections += means(family, [plan.of(name) for name in names], kept, published)
    if waiting:
        sections += ["## Not run yet", "", *(f"- {title}" for title in waiting)]
    return text.replace("{sections}", "\n".join(sections).rstrip())


def parsed(plan):
    parser = argparse.ArgumentParser(prog="datasets/results", description="Makes the rows of datasets/RESULTS.md.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="of datasets/results.toml; all unless some are named")
    parser.add_argument("--detector", help="only its rows")
    parser.add_argument("--data", default=os.environ.get("VIGIL_DATA"), help="folder of real data")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="seeds trained side by side (as many as there are cores)")
    parser.add_argument("--list", action="store_true", help="the rows, and which are finished")
    parser.add_argument("--page", action="store_true", help="the page alone")
    options = parser.parse_args()
    for name in options.sets:
        if name not in plan.sets:
            raise Failed(os.EX_USAGE, f"there is no set \"{name}\"; there are {', '.join(plan.sets)}")
    return options


def write(path, text):
    """Whole or not at all."""
    partial = path.with_suffix(".writing")
    partial.write_text(text)
    partial.rename(path)


def main():
    plan = Plan(HERE / "results.toml")
    options = parsed(plan)
    kept = json.loads(STORE.read_text()) if STORE.exists() else {}
    kept = {row.key: kept[row.key] for row in plan.rows if row.key in kept and kept[row.key]["asked"] == row.asked}
    chosen = [row for row in plan.rows if row.set in (options.sets or plan.sets) and options.detector in (None, row.detector)]
    if options.list:
        for row in chosen:
            print(f"{row.key}: {'finished' if row.key in kept else 'to do'}")
        return
    if not options.page:
        run_rows([row for row in chosen if row.key not in kept], plan, kept, options)
    write_page(plan, kept)


def run_rows(rows, plan, kept, options):
    """Several seeds side by side, a process of one thread each; a row is kept when its last seed is done."""
    sets = {name: make_set(name, plan.sets[name], options.data) for name in dict.fromkeys(row.set for row in rows)}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = {}
        for row in rows:
            row.folder.mkdir(parents=True, exist_ok=True)
            waiting |= {pool.submit(run_seed, row, seed, plan.sets[row.set], sets[row.set]): (row, seed) for seed in row.seeds}
        found = {row.key: {} for row in rows}
        try:
            for done in concurrent.futures.as_completed(waiting):
                row, seed = waiting[done]
                found[row.key][str(seed)] = done.result()
                if len(found[row.key]) == len(row.seeds):
                    kept[row.key] = {
                        "asked": row.asked, "date": str(datetime.date.today()), "machine": machine(), "test": test_samples(sets[row.set]),
                        "seeds": {str(seed): found[row.key][str(seed)] for seed in row.seeds}}
                    write_page(plan, kept)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def test_samples(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    return sum(kind["counts"].get("test", 0) for kind in manifest["classes"])


def write_page(plan, kept):
    write(STORE, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    write(HERE / "RESULTS.md", page(plan, kept, published_figures(HERE / "published.csv")))


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        code, sentence = failed.args
    except KeyboardInterrupt:
        code, sentence = os.EX_TEMPFAIL, "interrupted; the same command goes on with what is not finished"
    else:
        sys.exit(0)
    sys.stderr.write(f"datasets/results: {sentence}\n")
    sys.exit(code)
