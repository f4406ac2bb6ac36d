"""The page datasets/RESULTS.md, and what other pages of results share with it."""

import csv
import pathlib
import statistics

HERE = pathlib.Path(__file__).parent
BASELINES = ["pca", "mean-pixel"]


def spread(values):
    values = list(values)
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def last(found):
    return [looks[-1] for looks in found["seeds"].values()]


def mean(found, figure):
    return statistics.mean(at["scores"][at["default"]][figure] for at in last(found))


def metrics_of(about):
    """The figures of a set's table, by the first of which detectors are compared."""
    return [*(["top_f1"] if "top" in about else []), "auroc", "average_precision"]


def not_above(row, found, baselines, metric):
    """The baselines, by name their figures, that a detector does not beat."""
    return [] if row.detector in BASELINES else [name for name, value in baselines.items() if value >= mean(found, metric)]


def cells(row, found, metrics, baselines, published):
    """The columns of a detector, of its default score."""
    ends = last(found)
    default = ends[0]["default"]
    samples, seconds = sum(at["samples"] for at in ends), sum(at["seconds"] for at in ends)
    better = not_above(row, found, baselines, metrics[0])
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


def baseline_figures(rows, kept, metric):
    return {row.detector: mean(kept[row.key], metric) for row in rows if row.detector in BASELINES and row.key in kept}


def overview(plan, kept):
    """Every detector on every set of which one that is no baseline is finished: the figure that they are compared by."""
    shown = [name for name in plan.sets if any(row.key in kept for row in plan.of(name) if row.detector not in BASELINES)]
    detectors = dict.fromkeys([*BASELINES, *(row.detector for row in plan.rows)])
    columns = {name: overview_column(plan.sets[name], plan.of(name), kept) for name in shown}
    lines = [[detector, *(columns[name].get(detector, "") for name in shown)] for detector in detectors]
    heading = ["", *(f"{name}{', F1' if 'top' in plan.sets[name] else ''}" for name in shown)]
    return table(heading, [line for line in lines if any(line[1:])])


def overview_column(about, rows, kept):
    """By detector; of several rows of one each with its name."""
    metric = metrics_of(about)[0]
    baselines, column = baseline_figures(rows, kept, metric), {}
    rows = [row for row in rows if row.key in kept]
    for row in rows:
        figure = spread(at["scores"][at["default"]][metric] for at in last(kept[row.key]))
        mark = "†" if not_above(row, kept[row.key], baselines, metric) else ""
        name = f" ({row.variant})" if sum(other.detector == row.detector for other in rows) > 1 else ""
        column[row.detector] = "; ".join([*filter(None, [column.get(row.detector)]), f"{figure}{mark}{name}"])
    return column


def section(name, about, rows, kept, published):
    """Of a set of which a row is finished."""
    rows = [row for row in rows if row.key in kept]
    if not rows:
        return []
    metrics = metrics_of(about)
    baselines = baseline_figures(rows, kept, metrics[0])
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


def page(plan, kept):
    published = published_figures(HERE / "published.csv")
    text = (HERE / "RESULTS.md.in").read_text()
    sections, waiting = [], [about["title"] for name, about in plan.sets.items() if not any(row.key in kept for row in plan.of(name))]
    for family, names in plan.families.items():
        for name in names:
            sections += section(name, plan.sets[name], plan.of(name), kept, published)
        sections += means(family, [plan.of(name) for name in names], kept, published)
    if waiting:
        sections += ["## Not run yet", "", *(f"- {title}" for title in waiting)]
    return text.replace("{overview}", "\n".join(overview(plan, kept))).replace("{sections}", "\n".join(sections).rstrip())
