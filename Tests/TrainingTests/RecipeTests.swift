import Detectors
import Foundation
import Graphs
import Testing
@testable import Training

/// What a recipe's text becomes, and what is said of one that cannot be: in this process, without a set.
@Suite struct Recipes {
    private func recipe(_ text: String, _ overrides: (key: String, value: String)...) throws -> Recipe {
        try Recipe(text, file: "r.yaml", overrides: overrides)
    }

    private func expect(_ message: String, _ body: () throws -> Void) {
        let error = #expect(throws: Failure.self) { try body() }
        #expect(error?.description == message && error?.exitCode == 64)
    }

    private let gan = "detector: f-anogan\ndata: SET\n"

    @Test func lengthsByStage() throws {
        let both = try recipe(gan + "epochs: {gan: 7, encoder: 3}\nsteps:\n  encoder: 900\n")
        #expect(both.epochs(of: "gan") == 7 && both.epochs(of: "encoder") == 3)
        #expect(both.steps(of: "gan") == nil && both.steps(of: "encoder") == 900)
        let one = try recipe(gan + "epochs: 5\n")
        #expect(one.epochs(of: "gan") == 5 && one.epochs(of: "encoder") == 5 && one.steps(of: "gan") == nil)
        #expect(try recipe(gan).epochs(of: "gan") == nil)
        // a number on the command line stands for all stages, a stage's over the file's
        #expect(try recipe(gan + "epochs: {gan: 7}\n", ("epochs", "2")).epochs(of: "gan") == 2)
        #expect(try recipe(gan + "epochs: {gan: 7, encoder: 3}\n", ("epochs.gan", "1")).epochs(of: "gan") == 1)
        #expect(try recipe(gan, ("steps.gan", "4")).steps(of: "gan") == 4)
    }

    /// What is written into a run reads as the same recipe.
    @Test(arguments: [
        "", "epochs: {gan: 7, encoder: 3}\n", "epochs: 4\nsteps: {encoder: 3}\n", "settings:\n  latent: 7\nrun:\n  stage: gan\n",
        "rate: {scaling: root, warmup: 0.5}\n",
    ])
    func resolvedReadsAsTheSame(_ keys: String) throws {
        let first = try recipe(gan + keys), again = try recipe(first.resolved)
        #expect(again.resolved == first.resolved)
        #expect(again.model.map(\.name) == first.model.map(\.name) && again.model.map(\.value) == first.model.map(\.value))
        #expect(!first.model.contains { $0.name.hasPrefix("run.") || $0.name == "data" })
    }

    @Test func lengthsThatCannotBe() throws {
        expect("r.yaml line 3: epochs.gan is \"0\"; it must be a whole number from 1 to 1000000") { _ = try recipe(gan + "epochs: {gan: 0}\n") }
        expect("r.yaml line 3: epochs.gan is \"many\"; it must be a whole number from 1 to 1000000") { _ = try recipe(gan + "epochs: {gan: many}\n") }
        expect("r.yaml line 3: steps is \"few\"; it must be a whole number from 1 to 9223372036854775807, or none") {
            _ = try recipe(gan + "steps: few\n")
        }
        expect("--set epochs.gan: epochs is one number for all stages already (r.yaml line 3); give it by stage in one place") {
            _ = try recipe(gan + "epochs: 5\n", ("epochs.gan", "7"))
        }
    }

    /// Stages are known when the detector is made.
    @Test func stagesThatAreNot() throws {
        func make(_ text: String, _ overrides: (key: String, value: String)...) throws {
            _ = try Model(Recipe(text, file: "r.yaml", overrides: overrides), sample: [16, 16, 1])
        }
        try make(gan + "epochs: {gan: 7, encoder: 3}\nrun: {stage: encoder}\n")
        expect("r.yaml line 4: f-anogan has no stage \"encoders\"; did you mean encoder?") { try make(gan + "epochs:\n  encoders: 3\n") }
        expect("--set steps.training: f-anogan has no stage \"training\"; it has gan, encoder") { try make(gan, ("steps.training", "3")) }
        expect("r.yaml line 3: f-anogan has no stage \"gna\"; did you mean gan?") { try make(gan + "run: {stage: gna}\n") }
        expect("r.yaml line 3: pca has no stage \"components\"; it has none that is trained in steps") {
            try make("detector: pca\ndata: SET\nepochs: {components: 3}\n")
        }
    }

    /// Every key beside settings, by a value that it takes and one that it refuses.
    @Test(arguments: [
        ("seed", "5", "-1", "a whole number from 0 to 9223372036854775807"),
        ("minibatch", "128", "0", "a whole number from 1 to 16777216"),
        ("microbatch", "8", "0", "a whole number from 1 to 16777216, or none"),
        ("epochs", "3", "0", "a whole number from 1 to 1000000, or none"),
        ("steps", "none", "-3", "a whole number from 1 to 9223372036854775807, or none"),
        ("heldOut", "0.1", "0.9", "a number from 0.0 to 0.5"),
        ("rate.scaling", "root", "sqrt", "one of constant, root, linear"),
        ("rate.base", "128", "0", "a whole number from 1 to 16777216"),
        ("rate.warmup", "0.5", "-1", "a number from 0.0 to 1000000.0"),
        ("run.threads", "4", "0", "a whole number from 1 to 1024"),
        ("run.checkpoint.every", "100", "0", "a whole number from 1 to 9223372036854775807, or none"),
        ("run.checkpoint.keep", "1", "0", "a whole number from 1 to 1000000"),
        ("run.agree", "7", "x", "a whole number from 1 to 9223372036854775807"),
        ("run.stall", "60", "0", "a number from 1.0 to 1000000000.0"),
        ("run.isa", "avx2", "sse", "one of best, avx512, avx2, neon, portable"),
        ("run.reduce", "library", "linear", "one of tree, library"),
        ("run.overlap", "false", "maybe", "true or false"),
        ("run.windows", "false", "shared", "true or false"),
    ])
    func everyKey(_ key: String, _ good: String, _ bad: String, _ expected: String) throws {
        let taken = try recipe(gan, (key, good)).keys.first { $0.name == key }
        #expect(taken.map { Double($0.setting.text) ?? 0 } == (Double(good) ?? 0) && taken?.setting.text.isEmpty == false)
        expect("--set \(key): \(key) is \"\(bad)\"; it must be \(expected)") { _ = try recipe(gan, (key, bad)) }
        #expect(taken?.setting.meaning.isEmpty == false)
    }

    /// A run from before there were rules of rates goes on; any of their keys makes another model.
    @Test func ratesDefineTheModel() throws {
        #expect(try !recipe(gan + "rate:\n").model.contains { $0.name.hasPrefix("rate.") })
        let scaled = try recipe(gan + "rate: {scaling: linear}\n").model.filter { $0.name.hasPrefix("rate.") }
        #expect(scaled.map { "\($0.name) \($0.value)" } == ["rate.scaling linear", "rate.base 64", "rate.warmup 0.0"])
        #expect(try recipe(gan, ("rate.warmup", "1")).model.contains { $0.name == "rate.warmup" })
    }

    /// A variant's settings are defaults that the recipe's own keys overlay.
    @Test func variants() throws {
        func text(_ recipe: Recipe, _ key: String) -> String? { recipe.keys.first { $0.name == key }?.setting.text }
        let plain = try recipe("detector: ganomaly\ndata: SET\n"), released = try recipe("detector: ganomaly\nvariant: released-2018-07\ndata: SET\n")
        #expect(plain.model.map(\.value) != released.model.map(\.value) && text(released, "variant") == "released-2018-07")
        let own = try recipe("detector: ganomaly\nvariant: released-2018-07\ndata: SET\nsettings: {latent: 7}\n")
        #expect(text(own, "settings.latent") == "7" && text(own, "settings.order") == text(released, "settings.order"))
        // the order of keys means nothing
        let turned = try recipe("settings: {latent: 7}\ndata: SET\nvariant: released-2018-07\ndetector: ganomaly\n")
        #expect(turned.model.map(\.value) == own.model.map(\.value))
    }
}

extension EndToEnd {
    @Suite struct StageByStage {
        private let place = Workspace.shared

        /// A run that is told to end after a stage goes on with the next to the bytes of one that was not.
        @Test func endsAfterAStageAndGoesOn() throws {
            func train(_ run: Run, _ more: String...) throws -> Job {
                let keys = ["minibatch=8", "microbatch=4", "settings.width=1", "settings.latent=3", "steps.gan=2", "steps.encoder=3"] + more
                return try vigil(["train", "--detector", "f-anogan", "--data", place.set, "--out", run.path] + keys.flatMap { ["--set", $0] })
            }
            let whole = Run(path: place.fresh("whole")), parts = Run(path: place.fresh("parts"))
            #expect(try train(whole).code == 0)
            for _ in 0 ..< 2 {  // the second time there is nothing to do
                let first = try train(parts, "run.stage=gan")
                #expect(
                    first.code == 0 && first.errors.hasSuffix("\nrun.stage ends it here; without that key the same command goes on with encoder\n"))
                let end = try #require(parts.log("end").last)
                #expect(end["finished"] as? Bool == false && end["total_steps"] as? Int == 2)
            }
            #expect(
                try Inspection(of: parts.path).text.contains(
                    "\n  not finished, the command that began it goes on with it; stands at step 0 of stage 2, 2 steps in all\n"))
            let rest = try train(parts)
            #expect(rest.code == 0 && rest.errors.hasPrefix("resumed from step-00000002, step 0 of stage 2\n"))
            #expect(try parts.digest() == whole.digest())
        }

        /// A stage that others have followed cannot go on; the last one can.
        @Test func lengthsOfStages() throws {
            func train(_ run: Run, _ gan: Int, _ encoder: Int) throws -> Job {
                let keys = ["minibatch=8", "microbatch=4", "settings.width=1", "settings.latent=3", "steps.gan=\(gan)", "steps.encoder=\(encoder)"]
                return try vigil(["train", "--detector", "f-anogan", "--data", place.set, "--out", run.path] + keys.flatMap { ["--set", $0] })
            }
            let run = Run(path: place.fresh("lengths")), whole = Run(path: place.fresh("longer"))
            #expect(try train(run, 2, 1).code == 0)
            let before = try run.digest()
            for gan in [1, 3] {
                let refused = try train(run, gan, 1)
                #expect(refused.code == 64)
                #expect(
                    refused.errors == "vigil: \(run.path) went on to stage encoder after 2 steps of gan, for which this recipe asks \(gan); "
                        + "set epochs and steps back or choose another folder with --out\n")
            }
            #expect(try run.digest() == before)
            #expect(try train(run, 2, 3).code == 0 && train(whole, 2, 3).code == 0)
            #expect(try run.digest() == whole.digest())
        }
    }
}
