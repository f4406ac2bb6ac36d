import Datasets
import Detectors
import Foundation
import Ranks

extension SceneWork {
    /// Computes maps and brings them to rank 0 in pieces of rows, so that no rank holds a map. All ranks call this together.
    /// - Parameters:
    ///   - place: where the scene is, for errors.
    ///   - take: on rank 0, rows and their numbers, map by map, pixel after pixel; which piece comes when depends on the ranks.
    /// - Throws: on rank 0 what any rank met.
    func gather(_ maps: [SceneMap], from place: String, _ group: RankGroup, _ take: (Range<Int>, [[Float]]) throws -> Void) throws {
        let rounds = Int(try group.maximum([Double(blocks.count)])[0])
        for round in 0 ..< rounds {
            let piece: Piece
            do { piece = round < blocks.count ? .rows(blocks[round], try maps.map { try $0.values(of: blocks[round]) }) : .none } catch {
                let error: any Error = (error as? DatasetError).map { Failure($0, in: place) } ?? error
                piece = .failure(code: (error as? any ExitCoded)?.exitCode ?? Failure.Reason.internal.rawValue, "\(error)")
            }
            let widths = maps.map { $0.channels * scene.columns }
            for bytes in try group.gather(piece.packed) {
                switch Piece(bytes, widths) {
                case .none: break
                case .rows(let rows, let values): try take(rows, values)
                case .failure(let code, let text): throw Failure(Failure.Reason(rawValue: code) ?? .internal, text)
                }
            }
            // rank 0 has thrown it already, for all
            if case .failure(let code, let text) = piece { throw Failure(Failure.Reason(rawValue: code) ?? .internal, text) }
        }
    }

    /// What a rank sends in a round.
    private enum Piece {
        /// It has no more rows.
        case none
        case rows(Range<Int>, [[Float]])
        case failure(code: Int32, String)

        /// A number that says which it is, then what belongs to it.
        var packed: [UInt8] {
            func bytes(_ numbers: Int...) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }
            switch self {
            case .none: return []
            case .rows(let rows, let values):
                return bytes(0, rows.lowerBound, rows.upperBound) + values.flatMap { values in values.withUnsafeBytes { Array($0) } }
            case .failure(let code, let text): return bytes(Int(code)) + Array(text.utf8)
            }
        }

        /// - Parameter widths: numbers of a row, of each map.
        init(_ bytes: [UInt8], _ widths: [Int]) {
            guard !bytes.isEmpty else {
                self = .none
                return
            }
            self = bytes.withUnsafeBytes { raw in
                func number(_ place: Int) -> Int { raw.loadUnaligned(fromByteOffset: 8 * place, as: Int.self) }
                guard number(0) == 0 else { return .failure(code: Int32(number(0)), String(decoding: raw[8...], as: UTF8.self)) }
                let rows = number(1) ..< number(2)
                var first = 24
                return .rows(
                    rows,
                    widths.map { width in
                        let values = (0 ..< rows.count * width).map { raw.loadUnaligned(fromByteOffset: first + 4 * $0, as: Float.self) }
                        first += 4 * values.count
                        return values
                    })
            }
        }
    }
}
