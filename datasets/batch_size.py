"""The runs and the page of `datasets/batch-size`, which says what they are."""

import argparse
import datetime
import json
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys

VIGIL = ".build/release/vigil"
ROOT = pathlib.Path("runs/batch-size")
PAGE = pathlib.Path("datasets/BATCH-SIZE.md")
BASE = 64
RULES = ["constant", "root", "linear"]
TOLERANCE = 0.01
# What counts as having learned: rounded down from what GANomaly of width 64 had reached in earlier pages (0.619 in 2 epochs, 0.943 in 3),
# before any run of this study.
STATED = {"baggage": 0.60, "mnist": 0.90}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def parsed():
    parser = Parser(prog="datasets/batch-size", description="GANomaly's AUROC by size of the minibatch and rule of the rate.")
    parser.add_argument("what", choices=[*STATED, "page"])
    parser.add_argument("--source", help="folder of MNIST's four IDX files")
    parser.add_argument("--normals", type=int, help="normals to train on; 20,480 of baggage, all of MNIST unless given")
    parser.add_argument("--width", type=int, default=16, help="GANomaly's settings.width (16; the paper's program has 64)")
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 4, 6, 8, 10], help="epochs after which to evaluate; the last ends a run")
    parser.add_argument("--warmup", type=float, default=1, help="epochs of the linear rule's warm-up (1)")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256, 1024, 4096])
    parser.add_argument("--rules", choices=RULES, nargs="+", default=RULES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--launch", default="", help="what starts vigil, as 'mpirun -n 4'")
    options = parser.parse_args()
    if options.what == "mnist" and not options.source:
        parser.error("give the folder of MNIST's four IDX files by --source")
    if options.epochs != sorted(set(options.epochs)) or options.epochs[0] < 1:
        parser.error("--epochs must rise, from 1 on")
    if options.warmup > options.epochs[0]:
        parser.error("--warmup must be over by the first of --epochs, since a run of so many is where the others go on")
    options.batches = sorted(set(options.batches))
    if options.batches[0] != BASE:
        parser.error(f"--batches must begin with {BASE}, which the others are compared with")
    return options


def vigil(options, *arguments):
    """Runs vigil; ends with its code and words where the code is not 0. Its CPU seconds, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [*shlex.split(options.launch), VIGIL, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def make_set(options):
    """The set's folder: made at the first time."""
    normals = options.normals or {"baggage": 20480, "mnist": None}[options.what]
    folder = pathlib.Path(f"runs/data/batch-size-{options.what}-{normals or 'all'}")
    if (folder / "manifest.json").exists():
        return folder
    if options.what == "baggage":
        arguments = ["synthesize", "baggage", "--side", 32, "--normals", normals, "--test-normals", 2000, "--threats", 3000]
    else:
        source = pathlib.Path(options.source)
        arguments = ["import", "idx", "--abnormal", 2, "--size", "32x32"] + (["--train-limit", normals] if normals else [])
        files = {
            "images": "train-images-idx3", "labels": "train-labels-idx1", "test-images": "t10k-images-idx3", "test-labels": "t10k-labels-idx1"}
        for option, name in files.items():
            plain = source / f"{name}-ubyte"
            arguments += [f"--{option}", plain if plain.exists() else f"{plain}.gz"]
    vigil(options, *arguments, "--out", folder)
    return folder


def runs(batches, rules, seeds):
    """The whole study, seed by seed, so that what is finished early is worth looking at. At the base all rules have its rate."""
    return [(batch, rule, seed) for seed in seeds for batch in batches for rule in (["constant"] if batch == BASE else rules)]


def train(options, data, folder, batch, rule, seed):
    """Trains a run to its end, evaluated on the way; finished parts are left alone. A finished run is asked for more epochs each time,
    which gives the bytes of one that was asked for all."""
    run = folder / f"{batch}-{rule}-{seed}"
    keys = {
        "seed": seed, "minibatch": batch, "microbatch": 16, "heldOut": 0, "settings.width": options.width,
        "rate.scaling": rule, "rate.base": BASE, "rate.warmup": options.warmup if rule == "linear" else 0, "run.checkpoint.keep": 1}
    seconds, steps = 0.0, 0
    for epochs in options.epochs:
        look, trained = run / f"epoch-{epochs:03}.json", run / f"epoch-{epochs:03}.trained"
        if not look.exists():
            if not trained.exists():
                settings = [part for key, value in {**keys, "epochs": epochs}.items() for part in ("--set", f"{key}={value}")]
                taken, _ = vigil(options, "train", "--detector", "ganomaly", "--data", data, "--out", run, *settings)
                total, own = steps_of_last_job(run)
                # of a job that went on where another was killed, what all steps since the last look would have taken
                write(trained, {"seconds": seconds + taken * (total - steps) / max(1, own), "steps": total})
            _, text = vigil(options, "evaluate", "--json", run)
            found = json.loads(text)
            write(look, {"auroc": found["scores"][found["default"]]["auroc"], **json.loads(trained.read_text())})
        kept = json.loads(look.read_text())
        seconds, steps = kept["seconds"], kept["steps"]
        print(f"{options.what} {batch} {rule} seed {seed} epoch {epochs}: AUROC {kept['auroc']:.4f}, {seconds:.0f} CPU seconds", flush=True)


def steps_of_last_job(run):
    """Steps of the run, and those of its last job."""
    events = [json.loads(line) for line in open(run / "log.jsonl")]
    last = max(number for number, event in enumerate(events) if event["event"] == "start")
    resumed = [event["total_steps"] for event in events[last:] if event["event"] == "resume"]
    total = [event for event in events if event["event"] == "end"][-1]["total_steps"]
    return total, total - (resumed[0] if resumed else 0)


def write(path, values):
    """Whole or not at all."""
    partial = path.with_suffix(".writing")
    partial.write_text(json.dumps(values))
    partial.rename(path)


def study(options):
    data = make_set(options)
    manifest = json.loads((data / "manifest.json").read_text())
    normals = sum(kind["counts"].get("train", 0) for kind in manifest["classes"] if kind["normal"])
    protocol = {
        "set": options.what, "normals": normals, "width": options.width, "epochs": options.epochs, "warmup": options.warmup,
        "batches": options.batches, "rules": options.rules, "seeds": options.seeds}
    folder = ROOT / f"{options.what}-{normals}-width-{options.width}-warmup-{options.warmup:g}"
    folder.mkdir(parents=True, exist_ok=True)
    for batch, rule, seed in runs(options.batches, options.rules, options.seeds):
        machine = f"{datetime.date.today()}, {os.cpu_count()} cores of {processor()}, {options.launch or 'one rank of one thread'}"
        (folder / "protocol.json").write_text(json.dumps({**protocol, "machine": machine}))
        train(options, data, folder, batch, rule, seed)
        write_page()


def processor():
    lines = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return lines[0] if lines else "an unknown processor"


def looks(run, protocol):
    """What was found after each of the protocol's epochs, as far as there is; and whether that is all."""
    paths = [(epochs, run / f"epoch-{epochs:03}.json") for epochs in protocol["epochs"]]
    found = [(epochs, json.loads(path.read_text())) for epochs, path in paths if path.exists()]
    return found, len(found) == len(paths)


def row(folder, protocol, batch, rule):
    """Of the finished seeds: the last AUROCs; the steps; where the stated AUROC was first seen, as epochs with what was found then."""
    found = {seed: looks(folder / f"{batch}-{rule}-{seed}", protocol) for seed in protocol["seeds"]}
    finished = {seed: looked for seed, (looked, is_all) in found.items() if is_all}
    stated = STATED[protocol["set"]]
    return {
        "batch": batch, "rule": rule, "aurocs": {seed: looked[-1][1]["auroc"] for seed, looked in finished.items()},
        "reached": [next((at for at in looked if at[1]["auroc"] >= stated), None) for looked in finished.values()],
        "steps": next((looked[-1][1]["steps"] for looked in finished.values()), None)}


def spread(values):
    values = list(values)
    return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


def section(folder):
    protocol = json.loads((folder / "protocol.json").read_text())
    stated, total = STATED[protocol["set"]], len(protocol["seeds"])
    rows = [row(folder, protocol, batch, rule) for batch, rule, _ in runs(protocol["batches"], protocol["rules"], [None])]
    name = {"baggage": "Synthetic baggage 32×32, all threats", "mnist": "MNIST 32×32, digit 2 abnormal"}[protocol["set"]]
    lines = [
        f"## {name}", "",
        f"{protocol['normals']:,} normals to train on, none held out; GANomaly of width {protocol['width']} (the paper's program has 64), code 100, "
        f"rate 2e-4 at {BASE}; microbatch 16; {protocol['epochs'][-1]} epochs, evaluated after {', '.join(map(str, protocol['epochs']))}; warm-up of the "
        f"linear rule {protocol['warmup']:g} epoch{'' if protocol['warmup'] == 1 else 's'}; seeds {', '.join(map(str, protocol['seeds']))}.",
        f"{protocol['machine']}.", "",
        f"| minibatch | rate | steps | AUROC | seeds | {stated:.2f} reached by | after epochs | after steps | CPU seconds to it |",
        "|---|---|---|---|---|---|---|---|---|"]
    for item in rows:
        batch, factor = item["batch"], item["batch"] / BASE
        rate = {"constant": "constant", "root": f"root: × {factor ** 0.5:g}", "linear": f"linear: × {factor:g}"}[item["rule"]]
        if batch == BASE:
            rate = "as it is"
        aurocs, reached = item["aurocs"], item["reached"]
        if not aurocs:
            lines.append(f"| {batch:,} | {rate} | | not run | 0 of {total} | | | | |")
            continue
        there = [look for look in reached if look]
        ends = ["", "", ""] if not there else [
            f"{statistics.mean(epochs for epochs, _ in there):.1f}", f"{statistics.mean(look['steps'] for _, look in there):,.0f}",
            f"{statistics.mean(look['seconds'] for _, look in there):,.0f}"]
        lines.append(
            f"| {batch:,} | {rate} | {item['steps']:,} | {spread(aurocs.values())} | {len(aurocs)} of {total} | {len(there)} of {len(reached)} | "
            f"{' | '.join(ends)} |")
    return lines + ["", *verdicts(protocol, rows), ""]


def verdicts(protocol, rows):
    """For every rule, the largest minibatch up to which the mean stays within the tolerance of the base's, over the same seeds."""
    base, stated = rows[0]["aurocs"], STATED[protocol["set"]]
    if not base:
        return [f"No run at minibatch {BASE} is finished, with which the others are compared."]
    lines = []
    if statistics.mean(base.values()) < stated:
        lines += [f"At {BASE} the mean is below {stated:.2f} itself: so little was learned that the comparison says little.", ""]
    for rule in protocol["rules"]:
        largest, fewest, end = BASE, len(base), ""
        for item in (item for item in rows if item["rule"] == rule and item["batch"] > BASE):
            losses = [base[seed] - auroc for seed, auroc in item["aurocs"].items() if seed in base]
            if not losses:
                end = f"; {item['batch']:,} was not run"
                break
            fewest = min(fewest, len(losses))
            if statistics.mean(losses) > TOLERANCE:
                end = f"; at {item['batch']:,} it is {statistics.mean(losses):.3f} below"
                break
            largest = item["batch"]
        few = f" (over {fewest} of {len(protocol['seeds'])} seeds)" if fewest < len(protocol["seeds"]) else ""
        lines.append(
            f"- {rule}: up to minibatch {largest:,} the mean{few} is at most {TOLERANCE} below that at {BASE}{end}. With {BASE} samples a rank, "
            f"weak scaling is called useful up to {largest // BASE} rank{'' if largest == BASE else 's'} here.")
    return lines


def write_page():
    folders = sorted(path.parent for path in ROOT.glob("*/protocol.json"))
    if not folders:
        sys.exit("datasets/batch-size: no run is there yet; name a set to make them")
    text = [
        "# Quality against the size of the minibatch", "",
        "Written by `datasets/batch-size`, from finished runs. More ranks train faster where the minibatch grows with them (weak scaling); that is",
        "worth something only as long as a detector learns as much from equal epochs, of which a larger minibatch makes fewer steps. Learning rates",
        f"are those of {BASE} (`rate.scaling: constant`), times the square root of minibatch / {BASE} (`root`), or times minibatch / {BASE} after a",
        "warm-up (`linear`). The same bytes come out on any number of ranks, so all runs were made on one.", "",
        "AUROC: the default score after the last epoch, mean ± standard deviation over seeds. The stated AUROC was fixed before the first run of this",
        "study; epochs, steps and CPU seconds to it are means over the seeds that reached it, seen at the epochs that were evaluated. Every setting",
        "was fixed beforehand too; nothing was chosen on the test samples, and the rules stand side by side for that reason.", ""]
    for folder in folders:
        text += section(folder)
    for name in STATED:
        if not any(folder.name.startswith(f"{name}-") for folder in folders):
            text += [f"The study of {name} was not run.", ""]
    PAGE.write_text("\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    options = parsed()
    try:
        write_page() if options.what == "page" else study(options)
    except KeyboardInterrupt:
        sys.stderr.write("datasets/batch-size: interrupted; the same command goes on with what is not finished\n")
        sys.exit(os.EX_TEMPFAIL)
