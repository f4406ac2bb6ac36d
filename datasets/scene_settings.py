"""The trials of `datasets/scene-settings`, which says what they are."""

import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import statistics
import sys

from pages import HERE, table
from results import Failed, evaluated, make_set, vigil, write

# Made scenes of different bands, variation of the ground, and seeds.
SCENES = {
    f"made-{seed}": {"import": [
        "synthesize", "scene", "--rows", "100", "--columns", "100", "--bands", str(bands), "--noise", "0.01", "--variability", str(variability),
        "--targets", "20", "--seed", str(seed)]}
    for seed, (bands, variability) in enumerate([(100, 0.02), (150, 0.02), (200, 0.02), (100, 0.03), (150, 0.03), (200, 0.03)])}
SCORES = ["D_spectral", "D_spatial", "D_SS"]

# What is done with the residual, tried on that of principal components, which needs no training; then the training, with what was best of it.
RESIDUAL = {"bands": [1, 3, 10], "area": [5, 25, 64], "weight": [0.25, 0.5, 0.75]}
TRAINING = [
    {"width": 128}, {"width": 128, "loss": "norm"}, {"width": 128, "codeDropout": 0.5}, {"width": 128, "learningRate": 1e-3},
    {"width": 128, "learningRate": 1e-3, "loss": "norm"}, {"width": 128, "learningRate": 1e-3, "shrinkage": 0},
    {"width": 128, "learningRate": 1e-3, "epochs": 100}, {"width": 256, "learningRate": 1e-3}]


def trial(scene, detector, settings, data):
    """The scores' AUROCs of a scene."""
    name = "-".join(f"{key}={value}" for key, value in settings.items()) or "defaults"
    kept = pathlib.Path("runs/scene-settings") / scene / f"{detector}-{name}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        run = kept.with_suffix("")
        keys = {key if key == "epochs" else f"settings.{key}": value for key, value in settings.items()}
        vigil("train", "--detector", detector, "--data", data, "--out", run, *(part for key, value in keys.items() for part in ("--set", f"{key}={value}")))
        _, metrics = evaluated(run)
        write(kept, json.dumps({name: score["auroc"] for name, score in metrics["scores"].items()}))
    return json.loads(kept.read_text())


def tried(pool, detector, candidates, sets):
    """Of each candidate, the mean of each score over the scenes; the first of the best is the choice."""
    waiting = [[pool.submit(trial, scene, detector, settings, data) for scene, data in sets.items()] for settings in candidates]
    found = [[one.result() for one in scenes] for scenes in waiting]
    return [{score: statistics.mean(one[score] for one in scenes) for score in SCORES} for scenes in found]


def best(candidates, means):
    return candidates[max(range(len(candidates)), key=lambda place: (round(means[place]["D_SS"], 4), -place))]


def section(title, keys, candidates, means):
    lines = [
        [*(str(settings.get(key, "")) for key in keys), *(f"{mean[score]:.4f}" for score in SCORES)]
        for settings, mean in sorted(zip(candidates, means), key=lambda pair: -pair[1]["D_SS"])]
    return [f"## {title}", "", *table([*keys, *SCORES], lines), ""]


def main():
    parser = argparse.ArgumentParser(prog="datasets/scene-settings", description="Tries HADGAN's settings on made scenes.")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="trials side by side (as many as there are cores)")
    options = parser.parse_args()
    sets = {name: make_set(name, about, None) for name, about in SCENES.items()}
    residual = [dict(zip(RESIDUAL, values)) for values in itertools.product(*RESIDUAL.values())]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        linear = tried(pool, "hadgan-linear", residual, sets)
        chosen = best(residual, linear)
        training = [chosen | settings for settings in TRAINING]
        networks = tried(pool, "hadgan", training, sets)
    chosen = best(training, networks)
    words = [f"{'epochs' if key == 'epochs' else f'settings.{key}'} = {value}" for key, value in chosen.items()]
    lines = [
        "# HADGAN's settings", "",
        "Written by `datasets/scene-settings`: mean AUROC over six scenes of `vigil synthesize scene` (100 × 100 pixels, 100 to 200 bands, a "
        "variation of 0.02 and 0.03, 20 targets), one seed each. No real scene took part in the choice.", "",
        f"Chosen, by D_SS: {', '.join(words)}.", "",
        *section("What is done with the residual, of principal components", list(RESIDUAL), residual, linear),
        *section("Training", ["width", "loss", "codeDropout", "learningRate", "shrinkage", "epochs"], training, networks)]
    write(HERE / "SCENE-SETTINGS.md", "\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        code, sentence = failed.args
        sys.exit(f"datasets/scene-settings: {sentence}")
