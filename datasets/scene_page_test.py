"""The page of `datasets/results hyperspectral` from made-up rows."""

import unittest

from results import *
from scene_page import *


def end(auroc, transfers=None, **scores):
    return {
        "epochs": None, "seconds": 2, "samples": 100, "scoring": 1.0, "default": "a",
        "scores": {name: {"auroc": value, "auc_pd_tau": value / 2, "classes": {}} for name, value in ({"a": auroc} | scores).items()},
    } | ({"transfers": transfers} if transfers else {})


def found(*ends):
    return {"date": "2026-01-02", "machine": "2 cores", "test": 100, "seeds": {str(number): [one] for number, one in enumerate(ends)}}


def row(scene, detector, **entry):
    return Row(scene, {"detector": detector} | entry, {"seeds": [0, 1], "settings": {}})


class ScenePageTest(unittest.TestCase):
    def test_means_are_over_scenes_and_their_spread_over_seeds(self):
        rows = [row("one", "x"), row("two", "x"), row("one", "y"), row("two", "y")]
        kept = {"one/x": found(end(0.5), end(0.7)), "two/x": found(end(0.9), end(0.9)), "one/y": found(end(0.4))}
        lines = metric_tables(["one", "two"], compared(["one", "two"], rows, kept))
        self.assertIn("| one | 0.600 ± 0.141 | 0.400 |", lines)
        self.assertIn("| two | 0.900 ± 0.000 |  |", lines)
        self.assertIn("| **mean** | 0.750 ± 0.071 |  |", lines)
        self.assertIn("| **mean** | 0.375 ± 0.035 |  |", lines)
        self.assertIn("## AUC(Pd, τ)", lines)
        self.assertNotIn("## Pd at Pf 1e-3", lines)

    def test_parts(self):
        kept = {"one/hadgan": found(end(0.5, D_spectral=0.6, D_spatial=0.7, D_SS=0.8))}
        lines = parts(["one"], compared(["one"], [row("one", "hadgan")], kept))
        self.assertIn("| one | 0.600 | 0.700 | 0.800 |", lines)

    def test_transfers(self):
        rows = [row("one", "x"), row("two", "x")]
        kept = {"one/x": found(end(0.5, {"two": {"a": {"auroc": 0.3}}})), "two/x": found(end(0.9))}
        self.assertIn("| one | two | x | 0.300 | 0.900 |", transfers(rows, kept))

    def test_anchors(self):
        plan = Plan(HERE / "hyperspectral.toml")
        plan.anchors = [{"scene": "one", "detector": "x", "value": 0.58, "within": 0.05}, {"scene": "one", "detector": "y", "value": 0.5, "within": 0.05}]
        lines = anchors(plan, {"one/x": found(end(0.5), end(0.7)), "one/y": found(end(0.4))})
        self.assertIn("| x | one |  | 0.58 | 0.6000 | 0.5000 to 0.7000 | 0.0200 | 0.05 | yes |", lines)
        self.assertIn("| y | one |  | 0.5 | 0.4000 |  | 0.1000 | 0.05 | **no** |", lines)

    def test_committed_plan(self):
        plan = Plan(HERE / "hyperspectral.toml")
        self.assertEqual(len(plan.sets), 14)
        self.assertEqual(len({row.key for row in plan.rows}), len(plan.rows))
        keys = {row.key for row in plan.rows}
        self.assertEqual([anchor for anchor in plan.anchors if f"{anchor['scene']}/{anchor['detector']}" not in keys], [])
        for about in plan.sets.values():
            self.assertTrue(set(about.get("transfers", [])) <= set(plan.sets))
        for name in plan.sets:
            self.assertEqual({row.detector for row in plan.of(name) if row.budget != "anchor"}, {row.detector for row in plan.rows})


if __name__ == "__main__":
    unittest.main()
