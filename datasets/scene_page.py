"""The page datasets/HYPERSPECTRAL.md."""

import statistics

from pages import HERE, last, spread, table

# The figures of the page's tables, as `vigil evaluate --json` names them and as papers do.
METRICS = {"auroc": "AUC(Pd, Pf)", "auc_pf_tau": "AUC(Pf, τ)", "auc_pd_tau": "AUC(Pd, τ)", "tpr_at_fpr_1_permille": "Pd at Pf 1e-3"}
SPECTRAL = ["D_spectral", "D_spatial", "D_SS"]


def default(at):
    return at["scores"][at["default"]]


def values(found, figure, score=None):
    """Of each seed."""
    return [(at["scores"][score] if score else default(at))[figure] for at in last(found)]


def averaged(founds, figure, score=None):
    """The mean over scenes, and the spread of that mean over seeds."""
    by_seed = zip(*(values(found, figure, score) for found in founds))
    return spread(statistics.mean(seed) for seed in by_seed)


def compared(names, rows, kept):
    """The detectors of which a scene is finished: by name, their finished rows by scene."""
    found = {name: {row.set: kept[row.key] for row in rows if row.name == name and row.key in kept} for name in dict.fromkeys(row.name for row in rows)}
    return {name: of for name, of in found.items() if set(names) & set(of)}


def by_scene(scenes, columns, figure):
    """A figure of each scene and detector, and the mean of those that have all scenes.

    columns -- by heading, the finished rows by scene and the score that is meant, None for the default
    """
    lines = [
        [scene, *(spread(values(of[scene], figure, score)) if scene in of else "" for of, score in columns.values())] for scene in scenes]
    means = [averaged([of[scene] for scene in scenes], figure, score) if set(scenes) <= set(of) else "" for of, score in columns.values()]
    return table(["scene", *columns], [*lines, ["**mean**", *means]])


def metric_tables(scenes, found):
    lines = []
    for figure, title in METRICS.items():
        columns = {name: (of, None) for name, of in found.items() if all(figure in default(last(one)[0]) for one in of.values())}
        if columns:
            lines += [f"## {title}", "", *by_scene(scenes, columns, figure), ""]
    return lines


def parts(scenes, found):
    """What HADGAN's score is made of, with its networks and with principal components in their place."""
    columns = {
        f"{name}: {score}": (found[name], score) for name in ("hadgan", "hadgan-linear") if name in found for score in SPECTRAL}
    return ["## The parts of HADGAN's score", "", "AUC(Pd, Pf).", "", *by_scene(scenes, columns, "auroc"), ""] if columns else []


def transfers(rows, kept):
    """One scene trained, another of the same sensor scored."""
    lines = []
    for row in rows:
        if row.key in kept and "transfers" in last(kept[row.key])[0]:
            ends = last(kept[row.key])
            for other in ends[0]["transfers"]:
                lines.append([
                    row.set, other, row.name, spread(at["transfers"][other][at["default"]]["auroc"] for at in ends),
                    spread(values(kept[f"{other}/{row.name}"], "auroc")) if f"{other}/{row.name}" in kept else ""])
    heading = ["trained", "scored", "detector", "AUC(Pd, Pf)", "trained where it is scored"]
    return ["## One scene trained, another scored", "", *table(heading, lines), ""] if lines else []


def anchors(plan, kept):
    """Figures that other programs got from the same files and settings, beside ours."""
    lines = []
    for anchor in plan.anchors:
        key = f"{anchor['scene']}/{anchor['detector']}"
        if key in kept:
            ours = values(kept[key], "auroc", anchor.get("score"))
            gap = abs(statistics.mean(ours) - anchor["value"])
            lines.append([
                anchor["detector"], anchor["scene"], anchor.get("score", ""), f"{anchor['value']}", f"{statistics.mean(ours):.4f}",
                f"{min(ours):.4f} to {max(ours):.4f}" if len(ours) > 1 else "", f"{gap:.4f}", f"{anchor['within']}", "yes" if gap <= anchor["within"] else "**no**"])
    heading = ["detector", "scene", "score", "anchor", "Vigil", "its seeds", "apart", "asked", "reached"]
    return ["## Anchors", "", *table(heading, lines), ""] if lines else []


def overview(plan, kept):
    """The mean over all scenes of what is finished on all, the highest first."""
    scenes, found = list(plan.sets), compared(list(plan.sets), [row for row in plan.rows if row.budget != "anchor"], kept)
    means = [(averaged([of[scene] for scene in scenes], "auroc"), name) for name, of in found.items() if set(scenes) <= set(of)]
    return table(["detector", f"mean AUC(Pd, Pf) of {len(scenes)} scenes"], [[name, value] for value, name in sorted(means, reverse=True)])


def page(plan, kept):
    text = (HERE / "HYPERSPECTRAL.md.in").read_text()
    scenes = list(plan.sets)
    found = compared(scenes, [row for row in plan.rows if row.budget != "anchor"], kept)
    sections = [*metric_tables(scenes, found), *parts(scenes, found), *transfers(plan.rows, kept), *anchors(plan, kept)]
    dates = sorted({one["date"] for one in kept.values()})
    if dates:
        sections.append(
            f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}, on {next(iter(kept.values()))['machine']}; "
            "`datasets/results hyperspectral` makes all of it again.")
    return text.replace("{sections}", "\n".join(sections).rstrip())
