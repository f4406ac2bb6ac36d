extension Evaluation: Encodable {
    private enum CodingKeys: String, CodingKey {
        case defaultScore = "default"
        case scores, paired
        case absentClasses = "absent_classes"
        case heldOutNormals = "held_out_normals"
        case intervalMethod = "interval_method"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(defaultScore, forKey: .defaultScore)
        try container.encode(Dictionary(uniqueKeysWithValues: scores.map { ($0.name, $0.metrics) }), forKey: .scores)
        try container.encode(absentClasses, forKey: .absentClasses)
        try container.encode(heldOutNormals, forKey: .heldOutNormals)
        try container.encode(groupCount == nil ? "delong" : "group_bootstrap", forKey: .intervalMethod)
        try container.encode(paired, forKey: .paired)
    }
}

extension ScoreMetrics: Encodable {
    private enum CodingKeys: String, CodingKey { case classes, thresholds, groups }

    /// The metrics of all anomalies and the areas over thresholds, beside them `classes`, `thresholds` and, by their numbers, `groups`.
    public func encode(to encoder: any Encoder) throws {
        try all.encode(to: encoder)
        try areas.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Dictionary(uniqueKeysWithValues: classes.map { ($0.name, $0.metrics) }), forKey: .classes)
        try container.encode(thresholds, forKey: .thresholds)
        try container.encode(groups.map { Dictionary(uniqueKeysWithValues: $0.map { (String($0.number), $0) }) }, forKey: .groups)
    }
}

extension OperatingPoints: Encodable {
    private enum CodingKeys: String, CodingKey {
        case heldOut = "held_out_95_percent"
        case minMax = "min_max_20_percent"
        case top = "top_share"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(heldOut, forKey: .heldOut)
        try container.encode(minMax, forKey: .minMax)
        try container.encodeIfPresent(top, forKey: .top)
    }
}

extension GroupRow: Encodable {
    private enum CodingKeys: String, CodingKey {
        case normals, anomalies, auroc, detected
        case aurocWithin = "auroc_within"
        case falseAlarms = "false_alarms"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(normals, forKey: .normals)
        try container.encode(anomalies, forKey: .anomalies)
        try container.encode(auroc, forKey: .auroc)
        try container.encode(aurocWithin, forKey: .aurocWithin)
        try container.encode(detected, forKey: .detected)
        try container.encode(falseAlarms, forKey: .falseAlarms)
    }
}
