import Datasets
import Detectors
import Foundation
import Graphs
import Ranks

/// `rx SET ROUNDS`: global RX, statistics and map, of a scene that the ranks hold in memory; prints the seconds that each round took and
/// the largest distance.
func probeRX(_ group: RankGroup, _ arguments: [String]) throws -> Int32 {
    guard arguments.count == 2, let rounds = Int(arguments[1]), rounds > 0 else {
        print("rank-probe rx SET ROUNDS")
        return 64
    }
    let split = try SampleSet(at: URL(fileURLWithPath: arguments[0])).split("scene"), bands = split.set.manifest.shape[0]
    guard let place = split.set.manifest.scene else {
        print("\(arguments[0]) is no scene; make one with vigil synthesize scene")
        return 65
    }
    let gathering = Scene.Gathering(group, rows: place.rows), width = place.columns * bands
    let first = gathering.own.first?.lowerBound ?? 0, end = gathering.own.last?.upperBound ?? 0
    guard case .u16(let stored) = try SplitReader(split).values(first * place.columns ..< end * place.columns) else {
        print("\(arguments[0]) does not hold u16; make a scene with vigil synthesize scene")
        return 65
    }
    let held = stored.map(Float.init)
    let pixels = SceneMap(channels: bands) { Array(held[($0.lowerBound - first) * width ..< ($0.upperBound - first) * width]) }
    let detector = try RX(.init(), sample: Shape([bands]))
    for _ in 0 ..< rounds {
        _ = try group.maximum([0])
        let start = ContinuousClock.now
        var state: [ObjectIdentifier: [Double]] = [:]
        let scene = Scene(
            rows: place.rows, columns: place.columns, pixels: pixels, values: { state[ObjectIdentifier($0)]! }, gathering: gathering)
        for case .scene(let procedure) in detector.stages.map(\.work) {
            for (variable, values) in try procedure(scene) { state[ObjectIdentifier(variable)] = values }
        }
        try detector.score(scene)
        let map = try gathering.own.flatMap { try scene.scores[0].map.values(of: $0) }
        let time = (ContinuousClock.now - start).components
        let found = try group.maximum([Double(time.seconds) + Double(time.attoseconds) * 1e-18, Double(map.max() ?? 0)])
        if group.rank == 0 { print(found[0], found[1]) }
    }
    return 0
}
