import Foundation
import Testing

/// AUROCs of the real scenes, as the inventory of the data and the specification of the detectors have them: computed by programs that are
/// not Vigil.
private struct Anchor: CustomTestStringConvertible {
    let scene: String, detector: String, settings: [String], scores: [String: Double], tolerance: Double
    var testDescription: String { "\(detector) on \(scene)" }

    private static let rx: [String: Double] = [
        "San_Diego.mat": 0.940292, "San_Diego_224.mat": 0.921857, "HYDICE_urban.mat": 0.985689, "HYDICE_162.mat.gz": 0.982419,
        "abu-airport-1.mat": 0.822085, "abu-airport-2.mat": 0.840381, "abu-airport-4.mat": 0.952599, "abu-beach-1.mat": 0.980721,
        "abu-beach-2.mat": 0.910579, "abu-beach-3.mat": 0.999845, "abu-beach-4.mat": 0.988666, "abu-urban-1.mat": 0.990655,
        "abu-urban-2.mat": 0.994626, "abu-urban-4.mat": 0.988718,
    ]

    /// ‖R‖₂, D_spectral, D_spatial and D_SS of principal components in place of HADGAN's networks.
    private static let linear: [(scene: String, latent: Int, scores: [Double])] = [
        ("San_Diego.mat", 14, [0.9519, 0.9555, 0.8605, 0.9546]), ("abu-airport-4.mat", 14, [0.9627, 0.9508, 0.8858, 0.9438]),
        ("abu-beach-1.mat", 14, [0.9838, 0.9887, 0.9771, 0.9923]), ("abu-urban-1.mat", 15, [0.9841, 0.9884, 0.8915, 0.9855]),
        ("HYDICE_urban.mat", 14, [0.9616, 0.9808, 0.7642, 0.9600]),
    ]

    /// The difference map and the result, with λ and σ_r of the release.
    private static let aed: [(scene: String, settings: [String], scores: [Double])] = [
        ("San_Diego.mat", ["range=1"], [0.9546, 0.9866]), ("abu-airport-4.mat", ["area=64"], [0.9927, 0.9948]),
        ("abu-beach-1.mat", [], [0.9849, 0.9953]), ("abu-urban-1.mat", [], [0.9945, 0.9967]),
        ("HYDICE_urban.mat", ["area=5", "range=1"], [0.9797, 0.9919]),
    ]

    static let all: [Anchor] =
        rx.sorted { $0.key < $1.key }.map { Anchor(scene: $0, detector: "rx", settings: [], scores: ["rx": $1], tolerance: 1e-4) }
        + linear.map {
            let names = ["residual", "D_spectral", "D_spatial", "D_SS"]
            return Anchor(
                scene: $0.scene, detector: "hadgan-linear", settings: ["latent=\($0.latent)"],
                scores: Dictionary(uniqueKeysWithValues: zip(names, $0.scores)), tolerance: 2e-3)
        }
        + aed.map {
            Anchor(
                scene: $0.scene, detector: "aed", settings: $0.settings, scores: ["difference": $0.scores[0], "aed": $0.scores[1]], tolerance: 2e-3)
        }
        + [
            Anchor(scene: "HYDICE_urban.mat", detector: "local-rx", settings: [], scores: ["local-rx": 0.9982], tolerance: 2e-3),
            Anchor(scene: "HYDICE_urban.mat", detector: "crd", settings: ["lambda=1e-6"], scores: ["crd": 0.9982], tolerance: 2e-3),
        ]
}

extension EndToEnd {
    @Suite struct RealScenes {
        private let place = Workspace.shared
        private static let data = ProcessInfo.processInfo.environment["VIGIL_DATA"]

        @Test(.enabled(if: data != nil, "VIGIL_DATA names no folder"), arguments: Anchor.all) fileprivate func isTheAnchor(_ anchor: Anchor) throws {
            let set = place.path("real-\(anchor.scene)"), run = place.fresh("real")
            func json(_ arguments: [String]) throws -> String {
                let job = try vigil(arguments)
                try #require(job.code == 0, "\(job.errors)")
                return job.output
            }
            if !FileManager.default.fileExists(atPath: set) {
                _ = try json(["import", "cube", "\(Self.data ?? "")/hsi/\(anchor.scene)", "--out", set])
            }
            _ = try json(
                ["train", "--detector", anchor.detector, "--data", set, "--out", run] + anchor.settings.flatMap { ["--set", "settings.\($0)"] })
            let evaluated = try JSONSerialization.jsonObject(with: Data(json(["evaluate", run, "--json"]).utf8)) as? [String: Any]
            let scores = try #require(evaluated?["scores"] as? [String: [String: Any]])
            for (name, expected) in anchor.scores {
                let found = try #require(scores[name]?["auroc"] as? Double)
                #expect(abs(found - expected) <= anchor.tolerance, "\(name): \(found), expected \(expected)")
            }
        }
    }
}
