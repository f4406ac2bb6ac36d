import Detectors
import Ranks
import Scenes
import Training

/// `scene ROWS COLUMNS`: moments, ranges and a filter with a halo over a made scene of 3 bands, whose rows the ranks share.
func probeScene(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    let rows = Int(arguments[0])!, columns = Int(arguments[1])!
    let bands = SceneMap(channels: 3) { range in
        range.flatMap { row in (0 ..< 3 * columns).map { Float(laneValue(row, $0)) } }
    }
    let gathering = Scene.Gathering(group, rows: rows)
    let scene = Scene(rows: rows, columns: columns, maps: ["bands": bands], gathering: gathering)
    let (mean, covariance) = try scene.moments(of: scene["bands"]), ranges = try scene.ranges(of: scene["bands"])
    let filtered = scene.map(scene["bands"], halo: 4) { block in
        let gray = GrayImage(
            rows: block.rows.count, columns: columns, stride(from: 0, to: block.values[0].count, by: 3).map { Double(block.values[0][$0]) })
        let opened = gray.areaOpened(5).values, smooth = gray.guidedFiltered(radius: 2, epsilon: 0.1).values
        return zip(opened, smooth).map { Float($0 + $1) }
    }
    let own = try gathering.own.flatMap { try filtered.values(of: $0) }
    let all = try group.gather(own.withUnsafeBytes { Array($0) }).flatMap { $0 }
    if group.rank == 0 {
        let numbers = mean + covariance + ranges.flatMap { [$0.lowerBound, $0.upperBound] }
        print(String(bitsHash(numbers + all.map(Double.init)), radix: 16), all.count / 4)
    }
    return 0
}
