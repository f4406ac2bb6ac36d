import Datasets
import Foundation
import Plans
import Ranks

/// What the whole program shares.
public enum Vigil {
    /// Part of what ranks agree on at start.
    public static let version = "0.1.0"

    /// A number for people: four significant digits.
    static func short(_ value: Double) -> String { String(format: "%.4g", value) }

    /// A count for people: digits in threes.
    static func grouped(_ count: Int) -> String {
        let digits = Array(String(abs(count)))
        let parts = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3) ..< $0]) }
        return (count < 0 ? "−" : "") + parts.reversed().joined(separator: ",")
    }
}

/// The manifest of a set on every rank; rank 0 reads it for all.
func sharedManifest(_ path: String, _ group: RankGroup) throws -> Manifest {
    do {
        let text = try group.broadcast(group.rank == 0 ? Array(Manifest(of: URL(fileURLWithPath: path)).encoded()) : [])
        return try Manifest(decoding: Data(text))
    } catch let error as DatasetError { throw Failure(error, in: path) }
}

/// Opens a set on every rank.
public func openSet(_ path: String, _ group: RankGroup) throws -> SampleSet {
    let manifest = try sharedManifest(path, group)
    do { return try SampleSet(at: URL(fileURLWithPath: path), manifest: manifest) } catch { throw Failure(error, in: path) }
}

/// Reads all of a set and compares it with its manifest.
public func verify(_ set: SampleSet, in path: String) throws {
    do { try set.verify() } catch { throw Failure(error, in: path) }
}

/// Threads, instruction set and how sums are added over ranks, as a recipe says.
func makeResources(_ recipe: Recipe, _ group: RankGroup) throws -> Plan.Resources {
    let name = recipe.run.isa.rawValue
    guard let isa = recipe.run.isa == .best ? .best : InstructionSet(named: name) else {
        let available = InstructionSet.available.map(\.name).joined(separator: ", ")
        throw Failure(.usage, "run.isa is \(name), which the processor of rank \(group.rank) lacks; it has \(available)")
    }
    return Plan.Resources(
        group: group, team: ThreadTeam(count: recipe.run.threads), isa: isa, way: recipe.run.reduce == .tree ? .tree : .library,
        overlaps: recipe.run.overlap, windows: recipe.run.windows)
}

extension DatasetError: ExitCoded {
    /// By whose fault it is.
    public var exitCode: Int32 {
        let reason: Failure.Reason =
            switch kind {
            case .usage: .usage
            case .badData: .badData
            case .missingInput: .missingInput
            case .cannotCreate: .cannotCreate
            case .inputOutput: .inputOutput
            }
        return reason.rawValue
    }
}

extension Failure {
    /// An error of a set, with the place where the set is.
    public init(_ error: DatasetError, in path: String) { self.init(Reason(rawValue: error.exitCode)!, "\(path): \(error)") }
}
