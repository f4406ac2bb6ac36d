"""The runs of `datasets/results`, which says what they are."""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import pages
import scene_page

HERE = pathlib.Path(__file__).parent
VIGIL = ".build/release/vigil"
# By name: the page (.md) beside the file of its sets and rows (.toml) and of its finished rows (.json), and the module that makes it.
BOOKS = {"results": ("RESULTS", pages), "hyperspectral": ("HYPERSPECTRAL", scene_page)}
GUIDE = HERE / "../Sources/vigil/Guide/Detectors.md"


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
    """results.toml, or another page's."""

    def __init__(self, path):
        text = tomllib.loads(path.read_text())
        self.anchors = text.get("anchors", [])
        # by a family's name its sets' own; a set without `each` is the one of its family
        self.families = {name: [name.replace("{each}", one) for one in about.get("each", [""])] for name, about in text["sets"].items()}
        self.sets = {
            name: {key: filled(value, one) for key, value in about.items() if key != "each"}
            for family, about in text["sets"].items() for name, one in zip(self.families[family], about.get("each", [""]))}
        self.rows = []
        for entry in text["rows"]:
            families = self.families if entry["sets"] == ["*"] else entry["sets"]
            for name in (name for family in families for name in self.families.get(family, [family])):
                if name not in self.sets:
                    raise Failed(os.EX_DATAERR, f"a row of {path} names the set \"{name}\", which has no [sets.{name}]")
                self.rows.append(Row(name, entry, self.defaults(name, text["defaults"])))
        for baseline in text["defaults"]["baselines"]:
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


def run_seed(row, seed, about, sets):
    """A seed, evaluated after each of the row's epochs; a run that is asked for more epochs goes on."""
    run, looks = row.folder / f"seed-{seed}", []
    for epochs in row.epochs:
        kept = row.folder / f"seed-{seed}-{epochs or 'all'}.json"
        if not kept.exists():
            keys = {"seed": seed} | row.settings | ({} if epochs is None else {"epochs": epochs})
            overrides = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
            training, _ = vigil("train", "--detector", row.detector, "--data", sets[row.set], "--out", run, *overrides)
            scoring, metrics = evaluated(run, *(["--top", about["top"]] if "top" in about else []))
            transfers = {other: evaluated(run, "--data", sets[other])[1]["scores"] for other in about.get("transfers", [])}
            before = looks[-1] if looks else {"seconds": 0, "samples": 0}
            write(kept, json.dumps({
                "epochs": epochs, "seconds": before["seconds"] + training, "samples": before["samples"] + samples_of(run), "scoring": scoring,
                **metrics} | ({"transfers": transfers} if transfers else {})))
        looks.append(json.loads(kept.read_text()))
        at = looks[-1]
        print(
            f"{row.key} seed {seed}{'' if epochs is None else f' epoch {epochs}'}: AUROC {at['scores'][at['default']]['auroc']:.4f}, "
            f"{at['seconds']:.0f} CPU seconds", flush=True)
    return looks


def evaluated(run, *words):
    """CPU seconds, and what is kept of a run's metrics."""
    scoring, text = vigil("evaluate", "--json", *words, run)
    metrics = json.loads(text)
    return scoring, {"default": metrics["default"], "scores": {name: figures(score) for name, score in metrics["scores"].items()}}


def figures(score):
    top = score["thresholds"].get("top_share")
    return {key: score[key] for key in ("auroc", "average_precision", "best_f1", *scene_page.METRICS) if key in score} | (
        {} if top is None else {"top_f1": top["f1"]}) | {"classes": {name: metrics["auroc"] for name, metrics in score["classes"].items()}}


def samples_of(run):
    """That the run's last job read."""
    ends = [event for event in map(json.loads, open(run / "log.jsonl")) if event["event"] == "end"]
    return sum(ends[-1]["samples_read"])


def machine():
    lines = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {lines[0] if lines else 'an unknown processor'}"


class Book:
    """The sets and rows of one page, and what is finished of them."""

    def __init__(self, name):
        page, self.module = BOOKS[name]
        self.name, self.plan, self.store, self.page = name, Plan(HERE / f"{name}.toml"), HERE / f"{name}.json", HERE / f"{page}.md"
        kept = json.loads(self.store.read_text()) if self.store.exists() else {}
        self.kept = {row.key: kept[row.key] for row in self.plan.rows if row.key in kept and kept[row.key]["asked"] == row.asked}

    def write(self):
        rows = (f"{json.dumps(key)}: {json.dumps(found, sort_keys=True)}" for key, found in sorted(self.kept.items()))
        write(self.store, "{\n" + ",\n".join(rows) + "\n}\n")
        write(self.page, self.module.page(self.plan, self.kept))
        write(GUIDE, marked(GUIDE.read_text(), self.name, self.module.overview(self.plan, self.kept)))

    def run(self, rows, data, jobs):
        """Several seeds side by side, a process of one thread each; a row is kept when its last seed is done."""
        about = self.plan.sets
        names = dict.fromkeys(name for row in rows for name in [row.set, *about[row.set].get("transfers", [])])
        sets = {name: make_set(name, about[name], data) for name in names}
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            waiting = {}
            for row in rows:
                row.folder.mkdir(parents=True, exist_ok=True)
                waiting |= {pool.submit(run_seed, row, seed, about[row.set], sets): (row, seed) for seed in row.seeds}
            found = {row.key: {} for row in rows}
            try:
                for done in concurrent.futures.as_completed(waiting):
                    row, seed = waiting[done]
                    found[row.key][str(seed)] = done.result()
                    if len(found[row.key]) == len(row.seeds):
                        self.kept[row.key] = {
                            "asked": row.asked, "date": str(datetime.date.today()), "machine": machine(), "test": test_samples(sets[row.set]),
                            "seeds": {str(seed): found[row.key][str(seed)] for seed in row.seeds}}
                        self.write()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def marked(text, name, lines):
    """A page whose part between the marks of that name is made anew."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = text.split(begin)
    return before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def parsed():
    parser = argparse.ArgumentParser(prog="datasets/results", description="Makes the rows of datasets/RESULTS.md and HYPERSPECTRAL.md.")
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help="of datasets/results.toml, or after the word hyperspectral of hyperspectral.toml; all unless named")
    parser.add_argument("--detector", help="only its rows")
    parser.add_argument("--data", default=os.environ.get("VIGIL_DATA"), help="folder of real data")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="seeds trained side by side (as many as there are cores)")
    parser.add_argument("--list", action="store_true", help="the rows, and which are finished")
    parser.add_argument("--page", action="store_true", help="the page alone")
    options = parser.parse_args()
    options.book = options.sets.pop(0) if options.sets[:1] and options.sets[0] in BOOKS else "results"
    return options


def write(path, text):
    """Whole or not at all."""
    partial = path.with_suffix(".writing")
    partial.write_text(text)
    partial.rename(path)


def main():
    options = parsed()
    book = Book(options.book)
    for name in options.sets:
        if name not in book.plan.sets:
            raise Failed(os.EX_USAGE, f"there is no set \"{name}\"; there are {', '.join(book.plan.sets)}")
    chosen = [row for row in book.plan.rows if row.set in (options.sets or book.plan.sets) and options.detector in (None, row.detector)]
    if options.list:
        for row in chosen:
            print(f"{row.key}: {'finished' if row.key in book.kept else 'to do'}")
        return
    if not options.page:
        book.run([row for row in chosen if row.key not in book.kept], options.data, options.jobs)
    book.write()


def test_samples(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    return sum(kind["counts"].get("test", 0) for kind in manifest["classes"])


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
