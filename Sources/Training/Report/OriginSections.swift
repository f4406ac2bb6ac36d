import Datasets
import Foundation
import Reports

// What was looked at, what ran, and how to do it again.

extension Report {
    var sampleSection: Page.Section? {
        let parts = own.enumerated().flatMap { place, run -> [Markup] in
            let heading = own.count > 1 ? [Markup("h3", [:], Markup(run.name))] : []
            if let sheets = run.sheets { return heading + sheets.markup(id: "sheet-\(place)") }
            let why = request.showsPictures ? run.evaluator.pictureAbsence : "Pictures were left out as asked for."
            return heading + [Markup("p", [:], Markup(why ?? ""))] + (run.scene?.markup ?? [])
        }
        return Page.Section("samples", "Samples", parts)
    }

    var latentSection: Page.Section? {
        let parts = own.enumerated().flatMap { place, run -> [Markup] in
            let heading = own.count > 1 ? [Markup("h3", [:], Markup(run.name))] : []
            let why =
                run.evaluator.isScene
                ? "The samples are pixels of a scene, whose codes are not shown." : "\(run.title) declares no code, so there is nothing to project."
            let none = Markup("p", [:], Markup(why))
            return heading + (run.latents?.markup(id: "latent-\(place)", classes: run.shownClasses) ?? [none])
        }
        return Page.Section("codes", "Codes", parts)
    }

    /// Of each configuration what scoring computes, and of the first what training does.
    var detectorSection: Page.Section? {
        var met = Set<String>()
        let drawings = own.filter { met.insert($0.configuration).inserted }.compactMap(\.drawing)
        let figures = drawings.enumerated().flatMap { place, drawing in
            (place == 0 ? drawing.parts : Array(drawing.parts.prefix(1))).enumerated().map { number, part in
                part.figure(
                    id: "detector-\(place)-\(number)", caption: "Drawn from the trace: a box with a blue edge is a network as it is applied there.")
            }
        }
        let none = Markup("p", [:], "These detectors compute without a graph, so there is nothing to draw.")
        return Page.Section("detector", "Detector", figures.isEmpty ? [none] : figures.map { Markup("div", ["class": "wide"], $0) })
    }

    // MARK: Origins

    var originSection: Page.Section? {
        func row(_ name: String, _ text: (ReportedRun) -> String) -> [String] { [name] + runs.map(text) }
        let ran = DataTable(
            "What ran", head: [""] + runs.map(\.name),
            [
                row("detector") { $0.title }, row("seed") { "\($0.recipe.fields.seed)" }, row("budget") { $0.budget },
                row("version") { $0.history.text("version") }, row("begun") { $0.history.text("date") },
                row("nodes") { ($0.history.environment["nodes"] as? [String])?.joined(separator: ", ") ?? "not logged" },
                row("ranks × threads") { "\($0.history.text("ranks")) × \($0.history.text("threads"))" },
                row("processor") { "\($0.history.text("processor")), kernels for \($0.history.text("isa"))" },
                row("time") {
                    "\($0.history.seconds < 1 ? "under 1" : Vigil.short($0.history.seconds)) s in \($0.history.jobs.count) job\($0.history.jobs.count == 1 ? "" : "s")"
                },
                row("cost") { $0.history.cost },
                row("samples to train on") { $0.history.number("training_samples").map(Vigil.grouped) ?? "not logged" },
                row("samples seen in training") { seen($0) }, row("samples scored") { scored($0) },
            ], textColumns: Set(1 ... runs.count)
        ).markup
        return Page.Section("origins", "What ran, on what", [ran, data] + recipes)
    }

    /// A column for each pair of sets that runs were trained and tested on.
    private var data: Markup {
        var columns: [(fingerprints: [String], names: [String], run: ReportedRun)] = []
        for run in runs {
            let own = [run.evaluator.state.record.fingerprint, run.manifest.fingerprint]
            if let place = columns.firstIndex(where: { $0.fingerprints == own }) {
                columns[place].names.append(run.name)
            } else {
                columns.append((own, [run.name], run))
            }
        }
        func row(_ name: String, _ text: (ReportedRun) -> String) -> [String] { [name] + columns.map { text($0.run) } }
        return DataTable(
            "Data", head: ["of"] + columns.map { $0.names.joined(separator: ", ") },
            [
                row("trained on") { $0.isElsewhere ? "\($0.recipe.fields.data), another set" : $0.manifest.name },
                row("tested on") { $0.manifest.name },
                row("sample") { "\(shape($0.manifest.shape)) \($0.manifest.type.rawValue), \($0.manifest.meaning)" },
                row("splits") { splits(of: $0.manifest) }, row("origin") { provenance(of: $0.manifest) },
                row("fingerprint trained on") { $0.evaluator.state.record.fingerprint }, row("fingerprint tested on") { $0.manifest.fingerprint },
            ], textColumns: Set(1 ... columns.count)
        ).markup
    }

    private func shape(_ extents: [Int]) -> String { extents.map(String.init).joined(separator: "×") }

    private func splits(of manifest: Manifest) -> String {
        manifest.splits.map { split in
            let classes = manifest.classes.filter { $0.counts[split.name, default: 0] > 0 }
            return "\(split.name): \(Vigil.grouped(split.count)) ("
                + classes.map { "\(Vigil.grouped($0.counts[split.name]!)) \($0.name)" }.joined(separator: ", ") + ")"
        }.joined(separator: "; ")
    }

    private func provenance(of manifest: Manifest) -> String {
        manifest.provenance.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    }

    /// How often the loaders gave out what there is to train on.
    private func seen(_ run: ReportedRun) -> String {
        let history = run.history, jobs = history.jobs.count, silent = history.jobs.count { $0.samplesRead == nil }
        guard jobs > silent else { return "not logged" }
        let read = history.jobs.reduce(0) { $0 + ($1.samplesRead ?? 0) }
        if read == 0, run.evaluator.isScene { return "all pixels, in totals over the scene" }
        let times = history.number("training_samples").flatMap { present in
            present > 0 ? ", \(Vigil.short(Double(read) / Double(present))) times the \(Vigil.grouped(present)) that are there" : nil
        }
        let lost = silent == 0 ? "" : ", without what \(silent) of them did not log"
        return Vigil.grouped(read) + (jobs > 1 ? " in \(jobs) jobs\(lost)" : "") + (times ?? "")
    }

    private func scored(_ run: ReportedRun) -> String {
        let split = run.evaluator.split, stated = run.manifest.splits.first { $0.name == split.name }?.count ?? 0
        let found = run.gathered.scores.count { !$0.isNaN }
        return "\(Vigil.grouped(found)) of \(Vigil.grouped(stated)) in split \(split.name), each once"
    }

    private var recipes: [Markup] {
        own.map { run in
            Markup(
                "details", [:], Markup("summary", [:], Markup("Recipe of \(run.name), every key")),
                Markup("pre", [:], Markup("code", [:], Markup(run.recipe.resolved))))
        }
    }

    // MARK: Again

    var repeatSection: Page.Section? {
        let commands = own.map { run in
            let ranks = run.history.number("ranks") ?? 1
            return "\(ranks > 1 ? "mpirun -n \(ranks) " : "")vigil train \(quoted(run.path + "/recipe.yaml")) --out AGAIN-\(run.name)"
        }
        let arguments =
            request.runs.map(quoted) + (request.data.map { ["--data", quoted($0)] } ?? [])
            + (request.split == "test" ? [] : ["--split", request.split])
            + (request.showsPictures ? [] : ["--no-pictures"]) + (request.findsBaselines ? [] : ["--alone"])
        let report = "vigil report \(arguments.joined(separator: " "))"
        let hashes = DataTable(
            "What comes out has these digests (SHA-256), on any number of ranks and threads",
            head: ["run", "checkpoint", "state.safetensors"],
            runs.map { run in
                [run.name, run.evaluator.checkpoint, run.evaluator.state.record.stateSHA256]
            }, textColumns: [1, 2]
        ).markup
        return Page.Section(
            "again", "To do it again", [Markup("pre", [:], Markup("code", [:], Markup((commands + [report]).joined(separator: "\n")))), hashes])
    }

    /// As a shell takes it.
    private func quoted(_ text: String) -> String {
        text.allSatisfy { $0.isLetter || $0.isNumber || "-._/+=,".contains($0) } && !text.isEmpty
            ? text : "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
