import Foundation
import Ranks

/// A run's folder: `recipe.yaml`, `log.jsonl`, `checkpoints/`. Rank 0 alone touches it; what it reads, all get.
public struct RunFolder {
    public let url: URL
    let group: RankGroup

    public init(_ path: String, _ group: RankGroup) { (url, self.group) = (URL(fileURLWithPath: path), group) }

    /// What rank 0 makes or reads, on every rank.
    func onRankZero(_ body: () throws -> Data) throws -> Data {
        Data(try group.broadcast(group.rank == 0 ? Array(try body()) : []))
    }

    /// The recipe of an existing run.
    public func recipe() throws -> Recipe {
        let file = url.appendingPathComponent("recipe.yaml")
        let text = try onRankZero {
            do { return try Data(contentsOf: file) } catch {
                throw Failure(.missingInput, "\(url.path) is no run: it has no recipe.yaml; give the folder that `vigil train --out` made")
            }
        }
        return try Recipe(String(decoding: text, as: UTF8.self), file: file.path)
    }

    /// The newest checkpoint that is whole; those that are not are named to `warn`. Nil where there is none.
    func newestCheckpoint(warn: (String) -> Void) throws -> Checkpoint? {
        for folder in Checkpoint.all(in: url).reversed() {
            do { return try Checkpoint(folder) } catch { warn("\(error)") }
        }
        return nil
    }

    /// The newest checkpoint, whole or an error.
    func lastCheckpoint() throws -> Checkpoint {
        guard let folder = Checkpoint.all(in: url).last else {
            throw Failure(.missingInput, "\(url.path) has no checkpoint; let `vigil train` reach the end of an epoch first")
        }
        return try Checkpoint(folder)
    }
}
