/// How pages and drawings look: in light, in the dark, on paper.
enum StyleSheet {
    /// Of a page with drawings in it.
    static let page = variables + text + pictures + drawings { "var(--\($0))" }
    /// Of a drawing alone, in light colors: programs other than browsers read no variables.
    static let drawing = drawings { light[$0]! }

    /// Those of series after Okabe and Ito (2008), whom people of any color vision can follow; lighter ones in the dark.
    private static let light = [
        "ink": "#1b1b1f", "quiet": "#5b5b66", "paper": "#ffffff", "rule": "#d9d9e0", "soft": "#f4f4f7", "s0": "#0065a3", "s1": "#c04f00",
        "s2": "#00795b", "s3": "#a8437f", "s4": "#7a6200", "s5": "#4a4a55",
    ]
    private static let dark = [
        "ink": "#ececf1", "quiet": "#a3a3b0", "paper": "#17171b", "rule": "#3a3a44", "soft": "#212128", "s0": "#56b4e9", "s1": "#f0a04b",
        "s2": "#3fc59b", "s3": "#e294c2", "s4": "#e6d84a", "s5": "#c4c4cf",
    ]

    private static let variables: String = {
        func root(_ colors: [String: String]) -> String {
            ":root { \(colors.sorted { $0.key < $1.key }.map { "--\($0): \($1)" }.joined(separator: "; ")) }"
        }
        return "\(root(light))\n@media screen and (prefers-color-scheme: dark) { \(root(dark)) }\n"
    }()

    private static let text = """
        * { box-sizing: border-box }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 24px;
          max-width: 1120px }
        h1 { font-size: 1.7em; line-height: 1.2; margin: 0 0 .3em }
        h2 { font-size: 1.25em; margin: 2.2em 0 .6em; border-bottom: 1px solid var(--rule); padding-bottom: .25em }
        h3 { font-size: 1.05em; margin: 1.6em 0 .4em }
        p { max-width: 75ch; margin: .5em 0 }
        a { color: var(--s0) }
        .quiet, figcaption, footer { color: var(--quiet); font-size: .9em }
        nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 8px 12px; background: var(--soft);
          border-radius: 6px }
        code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere }
        pre { background: var(--soft); padding: 10px 12px; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere }
        .wide { overflow-x: auto }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6em 0 }
        caption { text-align: left; color: var(--quiet); font-size: .9em; padding-bottom: 4px }
        th, td { text-align: right; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--rule); vertical-align: top }
        td { white-space: nowrap }
        th { font-weight: 600 }
        th:first-child, .text { text-align: left }
        td.text { min-width: 10ch; white-space: normal; max-width: 56ch; overflow-wrap: break-word }
        .headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px 14px; margin: 1em 0 }
        .headline div { background: var(--soft); border-radius: 6px; padding: 8px 14px; border: 1px solid var(--rule) }
        .headline b { display: block; font-size: 1.5em; line-height: 1.25 }
        .warning { border-left: 4px solid var(--s1); padding-left: 10px }
        @media print {
          nav { display: none }
          figure, tr, .headline { break-inside: avoid }
          h2, h3 { break-after: avoid }
          body { font-size: 10pt; max-width: none; padding: 0 }
          .wide { overflow: visible }
          table { font-size: 8pt }
          th, td { white-space: normal; padding-right: 8px }
        }

        """

    private static let pictures = """
        .figures { display: flex; flex-wrap: wrap; gap: 18px 24px; align-items: flex-start }
        figure { margin: .6em 0; max-width: 100%; width: fit-content }
        figcaption { contain: inline-size }
        figcaption strong { color: var(--ink) }
        svg { max-width: 100%; height: auto; display: block }
        .sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px 16px }
        .sheet figure { margin: 0; width: auto }
        .sheet img { width: 100%; max-width: 330px; image-rendering: pixelated; border: 1px solid var(--rule); display: block }
        .scene { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 12px 16px }
        .scene figure { margin: 0; width: auto }
        .scene img { width: 100%; max-width: 514px; border: 1px solid var(--rule); display: block }
        .pixels { image-rendering: pixelated }
        .scale { display: inline-block; height: 12px; width: 180px; vertical-align: -1px; border: 1px solid var(--rule) }

        """

    /// - Parameter color: what a rule says for a color by its name.
    private static func drawings(_ color: (String) -> String) -> String {
        let series = (0 ..< Look.count).map { number in
            let own = color("s\(number)")
            return """
                .line.s\(number), .edge.s\(number) { stroke: \(own) }
                .area.s\(number), .bar.s\(number), .mark.s\(number) { fill: \(own) }

                """
        }
        return """
            text { font: 12px system-ui, sans-serif; fill: \(color("ink")) }
            text.small { font-size: 11px; fill: \(color("quiet")) }
            text.strong { font-weight: 600 }
            .paper { fill: \(color("paper")) }
            .grid { stroke: \(color("rule")); stroke-width: 1 }
            .axis { stroke: \(color("quiet")); fill: none }
            .reference { stroke: \(color("quiet")); stroke-dasharray: 3 3; fill: none }
            .whisker { stroke: \(color("ink")); stroke-width: 1.3; fill: none }
            .box { fill: \(color("soft")); stroke: \(color("quiet")) }
            .box.network { stroke: \(color("s0")); stroke-width: 1.6 }
            .box.end { stroke: \(color("s1")); stroke-width: 1.6; stroke-dasharray: 6 3 }
            .arrow { fill: none; stroke: \(color("quiet")); stroke-width: 1.2 }
            .tip { fill: \(color("quiet")) }
            .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
            .area { fill-opacity: .18 }
            .area.light { fill-opacity: .11 }
            .edge { fill: none; stroke-width: .8 }
            .bar { fill-opacity: .45 }
            .mark { fill-opacity: .75; stroke: \(color("paper")); stroke-width: .6 }

            """ + series.joined()
    }
}
