import Foundation
import Ranks
import Training

/// `diverge SET OUT`: trains with comparisons in every step; as soon as a checkpoint stands, rank 1 flips a bit of a variable that no step
/// moves, as memory does that goes bad.
func probeDivergence(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let keys = [
        ("detector", "f-anogan"), ("data", arguments[0]), ("minibatch", "8"), ("microbatch", "2"), ("heldOut", "0"), ("steps", "10000"),
        ("epochs", "1000000"), ("settings.latent", "2"), ("settings.width", "1"), ("settings.criticSteps", "1"), ("run.agree", "1"),
    ]
    let trainer = try Trainer(try Recipe(nil, file: "", overrides: keys), in: RunFolder(arguments[1], group), group: group)
    if group.rank == 1 {
        // training goes on meanwhile; the first stage does not touch the encoder
        let (state, variable, out) = (
            trainer.model.state, trainer.model.detector.variables.first { $0.name == "encoder.0.weight" }!.variable, arguments[1]
        )
        nonisolated(unsafe) let flip = { state.withBytes(of: variable) { $0[5] ^= 1 } }
        Thread {
            while !FileManager.default.fileExists(atPath: out + "/checkpoints/latest") { usleep(1000) }
            flip()
        }.start()
    }
    return try trainer.train()
}
