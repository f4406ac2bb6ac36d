import ArgumentParser
import Foundation
import Ranks
import Training

struct InspectCommand: RankCommand {
    static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Says what a set is and checks all of it against its manifest.")
    @Argument(help: "A set's folder.") var path: String

    func run(on group: RankGroup) throws -> Int32 {
        let set = try openSet(path, group)
        if group.rank == 0 { try verify(set, in: path) }
        say(summary(of: set.manifest, at: path) + "\nevery shard agrees with the manifest", group)
        return 0
    }
}
