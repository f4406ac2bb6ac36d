import Datasets
import Foundation
import Ranks

/// Brings a cube into a set with all ranks.
/// - Parameter named: of the set.
/// - Returns: the manifest, and what whoever imports it should know.
public func writeScene(_ request: SceneRequest, named name: String, to path: String, _ group: RankGroup) throws -> (Manifest, CubeSurvey) {
    let job = try SceneImport(request)
    // each rank looks at a share of the rows
    let own = try job.survey(group.rank * job.rows / group.count ..< (group.rank + 1) * job.rows / group.count)
    let surveys = try group.allGather(Array(JSONEncoder().encode(own))).map { try JSONDecoder().decode(CubeSurvey.self, from: Data($0)) }
    let survey = surveys.dropFirst().reduce(surveys[0]) { $0.merged(with: $1) }
    let manifest = try writeSet(job.description(named: name, survey), to: path, group) { writer in try job.write(to: writer) }
    return (manifest, survey)
}
