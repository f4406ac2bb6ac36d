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

    /// The newest checkpoint that is whole, on every rank; those that are not are named to `warn`. Nil where there is none. What is found
    /// is shown to `check` on rank 0 first.
    func newestCheckpoint(warn: (String) -> Void, check: (Checkpoint) throws -> Void) throws -> Checkpoint? {
        let packed = try onRankZero {
            let all = Checkpoint.all(in: url)
            for folder in all.reversed() {
                let found: Checkpoint
                do { found = try Checkpoint(folder) } catch {
                    warn("\(error)")
                    continue
                }
                try check(found)
                return found.packed
            }
            // to begin anew without a word would write over what may be repaired
            if !all.isEmpty { throw Failure(.badData, "\(url.path) has no checkpoint that is whole; remove its folder checkpoints to begin anew") }
            return Data()
        }
        return packed.isEmpty ? nil : try Checkpoint(unpacking: packed)
    }

    /// The newest checkpoint, whole or an error, on every rank.
    func lastCheckpoint() throws -> Checkpoint {
        let packed = try onRankZero {
            guard let folder = Checkpoint.all(in: url).last else {
                throw Failure(.missingInput, "\(url.path) has no checkpoint; let `vigil train` reach the end of an epoch first")
            }
            return try Checkpoint(folder).packed
        }
        return try Checkpoint(unpacking: packed)
    }
}

extension Recipe {
    /// What a recipe's file says, on every rank; rank 0 reads it.
    public static func text(of path: String, _ group: RankGroup) throws -> String {
        let bytes = try group.broadcast(group.rank == 0 ? Array(contents(of: path)) : [])
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func contents(of path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.missingInput, "\(path): there is no such recipe that can be read; give a YAML file, or --detector and --data")
        }
        return data
    }
}
