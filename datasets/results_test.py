"""The page of datasets/results from made-up rows."""

import unittest

from pages import *
from results import *


def end(auroc, epochs, scores=("a",), seconds=2, samples=1000, classes=("knife",)):
    return {
        "epochs": epochs, "seconds": seconds, "samples": samples, "scoring": 1.0, "default": "a",
        "scores": {
            name: {"auroc": auroc, "average_precision": 0.5, "top_f1": auroc / 2, "classes": dict.fromkeys(classes, auroc)} for name in scores}}


def found(*seeds):
    return {"date": "2026-01-02", "machine": "2 cores", "test": 500, "seeds": {str(number): looks for number, looks in enumerate(seeds)}}


DEFAULTS = {"seeds": [0, 1], "settings": {"heldOut": 0}}
rows = [
    Row("made", {"detector": "one", "epochs": [1, 2], "settings": {"minibatch": 8}}, DEFAULTS),
    Row("made", {"detector": "pca", "seeds": [0]}, DEFAULTS),
    Row("made", {"detector": "mean-pixel", "seeds": [0]}, DEFAULTS),
    Row("made", {"detector": "other", "epochs": [5], "budget": "published"}, DEFAULTS)]
about = {"title": "A title", "protocol": "A protocol."}


class PageTest(unittest.TestCase):
    def test_rows(self):
        kept = {
            "made/one": found([end(0.5, 1), end(0.8, 2)], [end(0.7, 1), end(0.9, 2, seconds=4)]),
            "made/pca": found([end(0.86, None, samples=0)]), "made/mean-pixel": found([end(0.2, None)])}
        text = "\n".join(section("made", about, rows, kept, {("made", "one"): "0.9 AUROC, so and so"}))
        line = next(line for line in text.splitlines() if line.startswith("| one"))
        # 6 seconds of 2,000 samples; a second of 500
        self.assertEqual(
            [cell.strip() for cell in line.strip("| ").split("|")],
            ["one", "2 epochs, cut", "a", "0.850 ± 0.071", "0.500 ± 0.000", "0, 1", "3.00", "2.00", "0.9 AUROC, so and so", "not above pca"])
        self.assertIn("| pca | one pass | a | 0.860 | 0.500 | 0 |  | 2.00 |  |  |", text)
        self.assertIn("- one: 1: 0.600, 2: 0.850", text)
        self.assertNotIn("other", text)
        self.assertNotIn("By each score", text)
        self.assertNotIn("AUROC by class", text)

    def test_scores(self):
        kept = {"made/other": found([end(0.5, 5, ("a", "b"))], [end(0.7, 5, ("a", "b"))])}
        self.assertIn(
            "- other: a 0.600 ± 0.141 / 0.500 ± 0.000, b 0.600 ± 0.141 / 0.500 ± 0.000", "\n".join(section("made", about, rows, kept, {})))

    def test_classes(self):
        both = ("knife", "gun")
        kept = {"made/other": found([end(0.5, 5, classes=both)], [end(0.7, 5, classes=both)]), "made/pca": found([end(0.9, None, classes=both)])}
        text = "\n".join(section("made", about, rows, kept, {}))
        self.assertIn("| detector | knife | gun |", text)
        self.assertIn("| other | 0.600 ± 0.141 | 0.600 ± 0.141 |", text)

    def test_top_share(self):
        kept = {"made/other": found([end(0.5, 5)], [end(0.7, 5)]), "made/pca": found([end(0.56, None)])}
        text = "\n".join(section("made", about | {"top": 0.2}, rows, kept, {}))
        self.assertIn("| score | F1 of the top share | AUROC | average precision |", text)
        self.assertIn("| a | 0.300 ± 0.071 | 0.600 ± 0.141 |", text)
        self.assertNotIn("not above", text)

    def test_overview(self):
        named = [Row("made", {"detector": "other", "name": name, "epochs": [5]}, DEFAULTS) for name in ("raw", "scaled")]
        kept = {
            "made/one": found([end(0.5, 1), end(0.8, 2)], [end(0.7, 1), end(0.9, 2)]), "made/pca": found([end(0.86, None)]),
            "made/other (raw)": found([end(0.95, 5)]), "made/other (scaled)": found([end(0.1, 5)])}
        column = overview_column(about, [*rows[:3], *named], kept)
        self.assertEqual(column, {"one": "0.850 ± 0.071†", "pca": "0.860", "other": "0.950 (raw); 0.100† (scaled)"})
        self.assertEqual(overview_column(about | {"top": 0.2}, [*rows[:3], named[0]], kept)["other"], "0.475")

    def test_marked_part(self):
        page = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n"
        self.assertEqual(marked(page, "a", ["new", "lines"]), "before\n<!-- a -->\nnew\nlines\n<!-- end of a -->\nafter\n")

    def test_what_was_not_run(self):
        self.assertEqual(section("made", about, rows, {}, {}), [])
        self.assertIn("## Not run yet\n\n- MNIST 32×32, digit 2 abnormal\n", page(Plan(HERE / "results.toml"), {}))

    def test_settings(self):
        self.assertEqual(rows[0].asked, {"settings": {"heldOut": 0, "minibatch": 8}, "epochs": [1, 2], "seeds": [0, 1]})
        self.assertEqual(rows[1].budget, "one pass")

    def test_means(self):
        rows_by_set = [[Row(name, {"detector": "one"}, DEFAULTS), Row(name, {"detector": "pca"}, DEFAULTS)] for name in ("a", "b", "c")]
        kept = {
            "a/one": found([end(0.5, 1)]), "b/one": found([end(0.6, 1)]), "c/one": found([end(0.9, 1)], [end(0.7, 1)]),
            "a/pca": found([end(0.5, 1)])}
        lines = means("some", rows_by_set, kept, {("some", "one"): "0.7 AUROC"})
        self.assertIn("- one: 0.633; published 0.7 AUROC", lines)
        self.assertEqual(sum(line.startswith("- ") for line in lines), 1)
        self.assertEqual(means("some", rows_by_set[:2], kept, {}), [])

    def test_families(self):
        plan = Plan(HERE / "results.toml")
        self.assertEqual(plan.families["mnist-{each}"], ["mnist-2", "mnist-8"])
        self.assertIn("8", plan.sets["mnist-8"]["import"])
        self.assertNotIn("{each}", str(plan.sets))

    def test_settings_of_a_set(self):
        for row in Plan(HERE / "results.toml").of("kdd99"):
            self.assertEqual((row.settings["transforms"], row.settings["heldOut"]), ("[scale none]" if "raw" in row.name else "[scale features]", 0))

    def test_archives(self):
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / "a" / "file"
            made.parent.mkdir()
            made.write_text("text")
            subprocess.run(["tar", "-C", folder, "-czf", f"{folder}/a.tar.gz", "a"], check=True)
            made.unlink()
            unpack(f"{folder}/a.tar.gz", folder)
            self.assertEqual(made.read_text(), "text")
            with self.assertRaisesRegex(Failed, "none.tar.gz cannot be unpacked: "):
                unpack(f"{folder}/none.tar.gz", folder)

    def test_committed_plan(self):
        plan, figures = Plan(HERE / "results.toml"), published_figures(HERE / "published.csv")
        self.assertEqual(len({row.key for row in plan.rows}), len(plan.rows))
        for name in plan.sets:
            self.assertTrue(set(BASELINES) <= {row.detector for row in plan.of(name)})
        self.assertTrue({name for name, _ in figures} <= set(plan.sets) | set(plan.families))


if __name__ == "__main__":
    unittest.main()
