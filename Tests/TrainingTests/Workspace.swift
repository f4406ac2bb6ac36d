import Datasets
import Foundation
import Testing
import Training

/// What runs the whole program, one job at a time, on sets made once.
@Suite(.serialized, .workspace) enum EndToEnd {}

/// A folder with sets, for all tests of the suite; each test has folders of its own beside them.
struct Workspace: Sendable {
    @TaskLocal static var current: Workspace?
    static var shared: Workspace { current! }
    let folder: URL

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    /// 320 normals of 16×16 to train on, 64 normals and 60 threats to test on.
    var set: String { path("set") }

    /// A name that no other test uses.
    func fresh(_ name: String) -> String { path("\(name)-\(UUID().uuidString.prefix(8))") }

    static func make() throws -> Workspace {
        let workspace = Workspace(folder: FileManager.default.temporaryDirectory.appendingPathComponent("vigil-tests-\(UUID().uuidString)"))
        try FileManager.default.createDirectory(at: workspace.folder, withIntermediateDirectories: true)
        let job = try vigil([
            "synthesize", "baggage", "--out", workspace.set, "--side", "16", "--normals", "320", "--test-normals", "64", "--threats", "60",
        ])
        try #require(job.code == 0, "\(job.errors)")
        return workspace
    }

    /// Writes a recipe and returns its path.
    func recipe(_ text: String, name: String = "recipe") throws -> String {
        let file = fresh(name) + ".yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}

struct WorkspaceTrait: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        let workspace = try Workspace.make()
        defer { try? FileManager.default.removeItem(at: workspace.folder) }
        try await Workspace.$current.withValue(workspace) { try await function() }
    }
}

extension Trait where Self == WorkspaceTrait {
    /// Makes the sets before a suite and removes them after it.
    static var workspace: WorkspaceTrait { WorkspaceTrait() }
}

/// A run's folder, as a test looks at it.
struct Run {
    let path: String

    var state: URL { URL(fileURLWithPath: path).appendingPathComponent("checkpoints/latest/state.safetensors") }
    /// Of the newest checkpoint's variables.
    func digest() throws -> String { sha256(try Data(contentsOf: state)) }

    var checkpoints: [String] { names(in: "checkpoints").filter { $0.hasPrefix("step-") }.sorted() }
    /// What a writer makes beside the place of a file before it is whole.
    var leftovers: [String] { (names(in: "") + names(in: "checkpoints")).filter { $0.hasPrefix(".") } }
    private func names(in folder: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? [] }

    /// The lines of the log of one kind, the oldest first; a line that is not whole yet is left out.
    func log(_ event: String) -> [[String: Any]] {
        let text = (try? String(contentsOfFile: path + "/log.jsonl", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
            .filter { $0["event"] as? String == event }
    }
}

/// The arguments that train a small GANomaly: 4 lanes of 16 samples, 5 steps an epoch.
func training(_ out: String, _ overrides: String..., set: String = Workspace.shared.set) -> [String] {
    let keys = ["minibatch=64", "microbatch=16", "heldOut=0", "settings.width=8", "settings.latent=12"] + overrides
    return ["train", "--detector", "ganomaly", "--data", set, "--out", out] + keys.flatMap { ["--set", $0] }
}
