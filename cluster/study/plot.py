"""The plot, as SVG: how measured steps divide, and what is predicted."""

import math

from model import median, strong_efficiency, weak_efficiency

INK, FAINT = "#222", "#ddd"
PARTS = [
    ("arithmetic", "arithmetic", "#4477aa"),
    ("imbalance", "imbalance", "#ccbb44"),
    ("communication", "communication that shows", "#ee6677"),
]
COLORS = ["#4477aa", "#ee6677"]  # of networks
DASHED = 'stroke-dasharray="6 4"'


def text(x, y, words, anchor="start", size=12, weight="normal"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{INK}">{words}</text>'


def line(points, color, more="", width=1.0):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}" {more}/>'


def bars(findings, left, top, width):
    """A bar a place: how its step divides, and its efficiency."""
    shapes = [text(left, top - 16, "Measured: where a step's time goes, and efficiency", size=14, weight="bold")]
    names, y = 205, top
    for kind in ("strong", "weak"):
        shapes.append(text(left, y + 12, f"{kind} scaling", weight="bold"))
        y += 18
        for key in findings.keys(kind):
            found, row = findings.of(key), findings.of(key)[0]
            values = {name: median([r[name] for r in found]) for name, _, _ in PARTS}
            whole = sum(values.values())
            shapes.append(text(left + names - 8, y + 11, place(row), "end", 11))
            x = left + names
            for name, _, color in PARTS:
                length = (width - names - 55) * values[name] / whole
                shapes.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="14" fill="{color}"/>')
                x += length
            shapes.append(text(left + width - 48, y + 11, f"{median([findings.efficiency(r) for r in found]) * 100:.0f} %", size=11))
            y += 18
        y += 8
    for name, words, color in PARTS:
        shapes.append(f'<rect x="{left}" y="{y + 4}" width="12" height="12" fill="{color}"/>' + text(left + 18, y + 14, words, size=11))
        y += 18
    return shapes, y


def place(row):
    words = f"{row['nodes']} × {row['ranks'] // row['nodes']} × {row['threads']}"
    return words + (f", {row['link']}" if row["link"] else "")


def curves(title, lines, ranks, left, top, width, height):
    """Efficiency against ranks. `lines`: words, values, color, how it is drawn."""

    def across(count):
        return left + width * math.log2(count) / math.log2(ranks[-1])

    def down(value):
        return top + height * (1 - value)

    shapes = [text(left - 34, top - 16, title, size=14, weight="bold")]
    for share in range(0, 101, 20):
        shapes += [
            line([(left, down(share / 100)), (left + width, down(share / 100))], FAINT),
            text(left - 6, down(share / 100) + 4, f"{share} %", "end", 11),
        ]
    for count in ranks[::2]:
        shapes.append(text(across(count), top + height + 16, f"{count:,}", "middle", 11))
    shapes.append(text(left + width / 2, top + height + 34, "ranks", "middle"))
    for number, (words, values, color, drawn) in enumerate(lines):
        points = [(across(count), down(value)) for count, value in zip(ranks, values) if not math.isnan(value)]
        y = top + height - 14 * (len(lines) - number) + 2
        shapes += [
            line(points, color, drawn, 2),
            line([(left + 8, y - 4), (left + 36, y - 4)], color, drawn, 2),
            text(left + 42, y, words, size=11),
        ]
    return shapes


def draw(findings, networks, ranks):
    weak, strong = [], []
    for network, color in zip(networks, COLORS):
        rest = (network, findings.adding)
        for overlap, drawn in ((True, ""), (False, DASHED)):
            words = f"{network.name}, {'' if overlap else 'not '}overlapped"
            weak.append((words, [weak_efficiency(findings.all, count, *rest, overlap) for count in ranks], color, drawn))
        for samples, drawn in ((65536, ""), (4096, DASHED)):
            lanes = samples // findings.options["microbatch"]
            strong.append(
                (
                    f"{samples:,} samples, {network.name}",
                    [strong_efficiency(findings.all, count, lanes, *rest, True) for count in ranks],
                    color,
                    drawn,
                )
            )
    measured, bottom = bars(findings, 20, 40, 520)
    height = 300
    shapes = measured + curves(f"Predicted: weak scaling, {findings.options['per_rank']} samples a rank", weak, ranks, 610, 40, 330, height)
    shapes += curves("Predicted: strong scaling", strong, ranks, 1020, 40, 330, height)
    total = max(bottom + 10, 40 + height + 50)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="1380" height="{total}" viewBox="0 0 1380 {total}" font-family="DejaVu Sans, Helvetica, sans-serif">',
            f'<rect width="1380" height="{total}" fill="white"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )
