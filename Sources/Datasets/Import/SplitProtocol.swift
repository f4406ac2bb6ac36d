import Randomness

/// Which classes are normal, and which samples a set trains on and tests on: leave-one-class-out, one-class, published or drawn
/// divisions, with a seed where something is drawn.
public struct SplitProtocol: Sendable {
    /// One class or more by name; all others are the contrary.
    public enum Roles: Sendable {
        case abnormal([String])
        case normal([String])
    }

    public var roles: Roles
    /// The share of all samples that is drawn for training, of whole groups where there are groups; nil for the division that
    /// the source was published with.
    public var trainShare: Double?
    /// Decides every draw.
    public var seed: UInt64
    /// Only so many normals to train on and samples to test on: the first, or those drawn first where the division is drawn.
    public var trainLimit: Int?
    public var testLimit: Int?
    /// So many abnormal samples of the training side are kept there, chosen as under a limit, for detectors that learn from labels.
    public var trainAbnormal: Int
    /// Abnormal samples of the training side are tested on (as in GANomaly's split); otherwise they are left out.
    public var testsAllAbnormal: Bool
    /// The largest share that abnormal samples may have of the test split; a surplus is left out by draw (KDD99: 0.2).
    public var abnormalShare: Double?
    /// As many normal as abnormal samples are tested on, of each the first; half of `testLimit` where there is one.
    public var testsBalanced: Bool

    public init(
        _ roles: Roles, trainShare: Double? = nil, seed: UInt64 = 0, trainLimit: Int? = nil, testLimit: Int? = nil, trainAbnormal: Int = 0,
        testsAllAbnormal: Bool = false, abnormalShare: Double? = nil, testsBalanced: Bool = false
    ) {
        (self.roles, self.trainShare, self.seed, self.trainLimit, self.testLimit) = (roles, trainShare, seed, trainLimit, testLimit)
        (self.trainAbnormal, self.testsAllAbnormal, self.abnormalShare) = (trainAbnormal, testsAllAbnormal, abnormalShare)
        self.testsBalanced = testsBalanced
    }

    /// The samples of each split, ascending.
    struct Division: Sendable, Equatable {
        var normalClasses: Set<String>
        var train: [Int]
        var test: [Int]
    }

    func division(of source: some SampleSource) throws(DatasetError) -> Division {
        try check()
        let normals = try normalClasses(of: source.classes), labels = source.labels
        let isNormalClass = source.classes.map(normals.contains)
        func isNormal(_ sample: Int) -> Bool { isNormalClass[Int(labels[sample])] }
        let (training, testing) = try sides(of: source)
        let kept = training.filter { !isNormal($0) }.prefix(trainAbnormal)
        let train = training.filter(isNormal).prefix(trainLimit ?? .max) + kept
        var test = testing
        if testsAllAbnormal { test += training.filter { !isNormal($0) }.dropFirst(kept.count) }
        if let abnormalShare {
            let abnormal = test.filter { !isNormal($0) }
            let allowed = Int(abnormalShare / (1 - abnormalShare) * Double(test.count - abnormal.count))
            let surplus = Set(philox("surplus").permutation(abnormal.count).dropFirst(allowed).map { abnormal[$0] })
            test.removeAll(where: surplus.contains)
        }
        if testsBalanced {
            let normal = test.filter(isNormal), abnormal = test.filter { !isNormal($0) }
            let each = min(normal.count, abnormal.count, (testLimit ?? .max) / 2)
            test = Array(normal.prefix(each) + abnormal.prefix(each))
        }
        guard !train.isEmpty else {
            throw DatasetError(.badData, "no normal sample is left to train on, of \(labels.count); name other classes or another division")
        }
        return Division(normalClasses: normals, train: train.sorted(), test: test.prefix(testLimit ?? .max).sorted())
    }

    private func philox(_ purpose: String) -> Philox { Philox(seed: seed, key(of: "import"), key(of: purpose)) }

    private func check() throws(DatasetError) {
        for (share, what) in [(trainShare, "training's share"), (abnormalShare, "the share of abnormal samples")] {
            if let share, !(share > 0 && share < 1) { throw DatasetError(.usage, "\(what) is \(share); expected a number between 0 and 1") }
        }
        for (limit, what) in [(trainLimit, "training samples"), (testLimit, "test samples"), (trainAbnormal, "abnormal training samples")] {
            if let limit, limit < 0 { throw DatasetError(.usage, "\(limit) \(what) cannot be taken; give 0 or more") }
        }
    }

    private func normalClasses(of classes: [String]) throws(DatasetError) -> Set<String> {
        let (names, role) =
            switch roles {
            case .abnormal(let names): (Set(names), "abnormal")
            case .normal(let names): (Set(names), "normal")
            }
        // some files have very many classes
        let list = classes.prefix(40).joined(separator: ", ") + (classes.count > 40 ? ", ..." : "")
        if let unknown = names.subtracting(classes).min() { throw DatasetError(.usage, "there is no class \"\(unknown)\"; the classes are \(list)") }
        guard !names.isEmpty, names.count < classes.count || role == "normal" else {
            throw DatasetError(.usage, "name some classes as \(role), and not all, of \(list)")
        }
        return role == "normal" ? names : Set(classes).subtracting(names)
    }

    /// The numbers of the samples on either side: ascending where published, in the order drawn where drawn.
    private func sides(of source: some SampleSource) throws(DatasetError) -> (training: [Int], testing: [Int]) {
        let count = source.labels.count
        guard let trainShare else {
            guard let start = source.testStart else {
                throw DatasetError(
                    .usage, "the files do not say what is trained on and what is tested on; give the share to train on (--train-share)")
            }
            return (Array(0 ..< start), Array(start ..< count))
        }
        guard let groups = source.groups else {
            let order = philox("division").permutation(count), training = Int(Double(count) * trainShare)
            return (Array(order[..<training]), Array(order[training...]))
        }
        let names = Set(groups).sorted(), order = philox("division").permutation(names.count)
        let rank = Dictionary(uniqueKeysWithValues: zip(order.map { names[$0] }, 0...)), training = Int(Double(names.count) * trainShare)
        let drawn = (0 ..< count).sorted { (rank[groups[$0]]!, $0) < (rank[groups[$1]]!, $1) }
        let first = drawn.firstIndex { rank[groups[$0]]! >= training } ?? count
        return (Array(drawn[..<first]), Array(drawn[first...]))
    }

    /// What decides the division, in words.
    var provenance: [String: String] {
        var provenance: [String: String] = [:]
        switch roles {
        case .abnormal(let names): provenance["abnormal"] = names.sorted().joined(separator: ", ")
        case .normal(let names): provenance["normal"] = names.sorted().joined(separator: ", ")
        }
        for (key, value) in [("train_limit", trainLimit), ("test_limit", testLimit)] { provenance[key] = value.map { "\($0)" } }
        for (key, value) in [("train_share", trainShare), ("abnormal_share", abnormalShare)] { provenance[key] = value.map { "\($0)" } }
        if trainShare != nil || abnormalShare != nil { provenance["seed"] = "\(seed)" }
        if trainAbnormal > 0 { provenance["train_abnormal"] = "\(trainAbnormal)" }
        if testsAllAbnormal { provenance["test_all_abnormal"] = "true" }
        if testsBalanced { provenance["test_balanced"] = "true" }
        return provenance
    }
}
