import Datasets
import Foundation
import HDF5
import Metrics
import Reports

extension Axis {
    /// Rates of false alarms by their logarithms, down to one normal: what matters of a scene with few anomalies lies at rates of one in a
    /// hundred and below.
    init(rareFalseAlarmsOf normals: Int) {
        let decades = max(1, Int(log10(Double(max(normals, 10))).rounded(.up)))
        self.init("false-alarm rate", decades: -decades ... 0)
    }
}

/// What is made of a scene's maps once they are whole: on one rank, in pieces of rows.
struct SceneScoreFiles {
    /// Neither side of a picture's panel is larger.
    private static let side = 512

    private let scene: ScoredScene, maps: ENVIMaps, colors: ENVIMaps, folder: URL
    /// By the class of a pixel; nil where nobody has said which pixels are anomalies.
    private let isAbnormal: [Bool]?
    /// Of each score, where the mask has both anomalies and normals.
    private let curves: [ROC]?
    private let verdict: SceneVerdict

    init(_ scene: ScoredScene, _ maps: ENVIMaps, _ colors: ENVIMaps, in folder: URL) throws {
        (self.scene, self.maps, self.colors, self.folder) = (scene, maps, colors, folder)
        let classes = scene.set.manifest.classes, isLabeled = !classes.contains { $0.labeled == false && ($0.counts.values.max() ?? 0) > 0 }
        let isAbnormal = isLabeled ? classes.map { !$0.normal } : nil
        self.isAbnormal = isAbnormal
        let found = try isAbnormal.map { isAbnormal in
            try maps.names.indices.compactMap { try Self.curve(of: $0, maps) { isAbnormal[Int(scene.split.labels[$0])] } }
        }
        curves = found?.isEmpty == false ? found : nil
        verdict = try SceneVerdict(on: maps, score: scene.chosen, scene.job.request.rule, curves?[scene.chosen])
    }

    /// Of a score against the mask; nil where this has no anomalies or nothing else.
    private static func curve(of number: Int, _ maps: ENVIMaps, _ isAnomaly: (Int) -> Bool) throws -> ROC? {
        var anomalies: [Double] = []
        try maps.forEachPiece(of: number) { rows, values in
            for (place, value) in values.enumerated() where isAnomaly(rows.lowerBound * maps.columns + place) { anomalies.append(Double(value)) }
        }
        var tally = ROCTally(anomalies: anomalies)
        try maps.forEachPiece(of: number) { rows, values in
            for (place, value) in values.enumerated() where !isAnomaly(rows.lowerBound * maps.columns + place) { tally.add(Double(value)) }
        }
        return tally.curve
    }

    /// Writes all files. Returns what there is to say.
    /// - Parameter path: of the folder, as it will be.
    func write(named path: String) throws -> String {
        try maps.synchronize()
        try write(maps.header("\(scene.job.recipe.fields.detector) scores of \(name), Vigil \(Vigil.version)", of: scene.place), "scores.hdr")
        try writeHDF5()
        var files = ["scores.h5", "scores.img with scores.hdr"]
        let factor = scene.job.request.overlays > 0 ? try paint() : nil
        if let factor { files.append("map.png" + (factor > 1 ? " (reduced by \(factor))" : "")) }
        if let curves {
            try write(table(curves), "roc.csv")
            try write(chart(curves).svg, "roc.svg")
            files += ["roc.csv", "roc.svg"]
        }
        try summary(factor).write(to: folder.appendingPathComponent("summary.json"))
        return text((files + ["summary.json"]).joined(separator: ", "), path)
    }

    /// As errors and files name the scene: a cube's file, or the set.
    private var name: String { scene.set.manifest.name }
    private var pixels: Int { maps.rows * maps.columns }

    private func write(_ text: String, _ file: String) throws { try Data(text.utf8).write(to: folder.appendingPathComponent(file)) }

    /// `scores.h5`: [rows, columns] of each score. It is built in memory, compressed, as every new file of `HDF5` is.
    private func writeHDF5() throws {
        let file = try File.create(folder.appendingPathComponent("scores.h5").path), place = scene.place
        // as many rows as come at a time, so that no chunk is touched twice
        let chunk = [max(1, min(maps.rows, (1 << 18) / maps.columns)), maps.columns]
        for (number, name) in maps.names.enumerated() {
            let dataset = try Dataset.create(name, of: Float.self, shape: [maps.rows, maps.columns], chunk: chunk, deflate: 1, in: file)
            try maps.forEachPiece(of: number) { rows, values in try dataset.write(values, rows: rows) }
        }
        try file.setAttribute("score", to: .string(maps.names[scene.chosen]))
        try file.setAttribute("threshold", to: .string(verdict.statement))
        try file.setAttribute("threshold_value", to: .numbers([verdict.threshold]))
        if let wavelengths = place.wavelengths { try file.setAttribute("wavelengths", to: .numbers(wavelengths)) }
        for (key, text) in [("wavelength_unit", place.wavelengthUnit), ("map_info", place.mapInfo), ("coordinate_system", place.coordinateSystem)] {
            if let text { try file.setAttribute(key, to: .string(text)) }
        }
        try file.close()
    }

    // MARK: Pictures

    private func reduced(_ rule: ReducedImage.Rule, _ pieces: (_ add: (Range<Int>, [Float]) -> Void) throws -> Void) rethrows -> ReducedImage {
        var image = ReducedImage(rows: maps.rows, columns: maps.columns, within: Self.side, rule)
        try pieces { rows, values in image.add(values, rows: rows) }
        return image
    }

    /// `map.png` of the score that verdicts are made by, `map_NAME.png` of the others, which have no threshold. Returns by what they are reduced.
    private func paint() throws -> Int {
        let composite = try colors.names.indices.map { channel in try reduced(.mean) { try colors.forEachPiece(of: channel, $0) } }
        let mask =
            curves == nil
            ? nil
            : isAbnormal.map { isAbnormal in
                reduced(.largest) { add in
                    for row in 0 ..< maps.rows {
                        let labels = scene.split.labels[row * maps.columns ..< (row + 1) * maps.columns]
                        add(row ..< row + 1, labels.map { isAbnormal[Int($0)] ? 1 : 0 })
                    }
                }.values.map { $0 > 0 }
            }
        for (number, name) in maps.names.enumerated() {
            let map = try reduced(.largest) { try maps.forEachPiece(of: number, $0) }, isChosen = number == scene.chosen
            let alarms = isChosen ? map.values.map { $0 >= verdict.threshold } : nil
            let picture = ScenePicture(composite: composite, map: map, mask: mask, alarms: alarms)
            try Data(picture.overlay.canvas.png).write(to: folder.appendingPathComponent(isChosen ? "map.png" : "map_\(name).png"))
        }
        return composite[0].factor
    }

    // MARK: Figures

    /// `roc.csv`: every threshold at which the share of detected anomalies changes, numbers as they read back to the same bits.
    private func table(_ curves: [ROC]) -> String {
        let lines = zip(maps.names, curves).flatMap { name, curve in
            curve.points.map { point in
                let rates = [Double(point.falseAlarms) / Double(curve.normals), Double(point.detected) / Double(curve.anomalies)]
                return "\(name),\(point.threshold),\(point.falseAlarms),\(point.detected),\(rates[0]),\(rates[1])\n"
            }
        }
        return "score,threshold,false_alarms,detected,false_alarm_rate,detection_rate\n" + lines.joined()
    }

    private func chart(_ curves: [ROC]) -> Chart {
        let series = zip(maps.names, curves).map { name, curve in
            Chart.Series(
                "\(name): area \(shown(curve.area))",
                curve.points.map { (x: Double($0.falseAlarms) / Double(curve.normals), y: Double($0.detected) / Double(curve.anomalies)) })
        }
        return Chart(
            "ROC of \(scene.job.recipe.fields.detector) on \(name)", "detected anomalies against false alarms at every threshold",
            x: Axis(rareFalseAlarmsOf: curves[0].normals), y: Axis("detection rate", 0 ... 1), series, references: [.diagonal])
    }

    /// What the mask says of the alarms.
    private var alarms: (detected: Int, falseAlarms: Int)? {
        // the last point whose threshold is not below is where the curve stands
        guard let curve = curves?[scene.chosen] else { return nil }
        guard let point = curve.points.last(where: { $0.threshold >= verdict.threshold }) else { return (0, verdict.alarms) }
        return (point.detected, verdict.alarms - point.detected)
    }

    /// - Parameter factor: that pictures are reduced by; nil where there are none.
    private func summary(_ factor: Int?) throws -> Data {
        var object: [String: Any] = [
            "version": Vigil.version, "checkpoint": scene.job.checkpoint.folder.lastPathComponent,
            "state_sha256": scene.job.checkpoint.record.stateSHA256, "scene": name, "rows": maps.rows, "columns": maps.columns,
            "scores": maps.names, "score": maps.names[scene.chosen], "threshold": verdict.threshold, "threshold_statement": verdict.statement,
            "threshold_depends_on_test_labels": verdict.rule.dependsOnLabels, "alarms": verdict.alarms,
        ]
        if let factor { (object["picture_bands"], object["picture_reduction"]) = (scene.shown, factor) }
        if let curves {
            object["anomalies"] = curves[0].anomalies
            object["auroc"] = Dictionary(uniqueKeysWithValues: zip(maps.names, curves.map(\.area)))
        }
        if let alarms { (object["detected"], object["false_alarms"]) = (alarms.detected, alarms.falseAlarms) }
        return try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }

    private func text(_ files: String, _ path: String) -> String {
        var lines = ["\(pixels) pixels (\(maps.rows) × \(maps.columns)) of \(name), scored by \(scene.job.checkpoint.folder.lastPathComponent)"]
        lines.append(verdict.statement)
        let figures = alarms.map { found in
            let curve = curves![scene.chosen]
            return
                ": \(found.detected) of \(curve.anomalies) anomalies detected, \(found.falseAlarms) of \(curve.normals) normals raise a false alarm"
        }
        lines.append("\(verdict.alarms) of \(pixels) raise an alarm" + (figures ?? "; no ROC, as there is no mask with anomalies and normals"))
        if let curves {
            lines.append("AUROC: " + zip(maps.names, curves).map { "\($0) \(String(format: "%.4f", $1.area))" }.joined(separator: ", "))
        }
        if scene.job.request.overlays > 0 {
            lines.append("false colors show bands \(scene.shown.map(String.init).joined(separator: ", ")) as red, green and blue")
        }
        return (lines + ["\(path) has \(files)"]).joined(separator: "\n")
    }
}
