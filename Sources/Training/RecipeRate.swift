import Detectors
import Foundation

extension Recipe {
    /// The keys under `rate`: how learning rates follow the minibatch.
    public struct RateFields: DetectorSettings {
        @Setting(
            "factor of all learning rates, by minibatch / base: 1, its square root, or itself",
            source: "Krizhevsky, arXiv 1404.5997; Goyal et al., arXiv 1706.02677")
        public var scaling = Scaling.constant
        @Setting("the minibatch that the detector's learning rates are meant for", in: 1 ... 1 << 24, source: "")
        public var base = 64
        @Setting("epochs in which learning rates rise from near 0, in equal steps", in: 0 ... 1e6, source: "Goyal et al., arXiv 1706.02677")
        public var warmup = 0.0
        public init() {}

        /// As recipes name them.
        var keys: [(name: String, setting: any AnySetting)] { all.map { ("rate.\($0.name)", $0.setting) } }
        /// Whether they leave the rates as they are.
        var areIdle: Bool { scaling == .constant && warmup == 0 }
    }
    public enum Scaling: String, SettingChoice { case constant, root, linear }

    /// What becomes of the learning rates of a stage.
    /// - Throws: where it is over before they are warm.
    func rates(of stage: String, epochs: Int) throws -> RateRule {
        guard rate.warmup <= Double(epochs) else {
            throw Failure(
                .usage,
                "\(place(of: "rate.warmup"))rate.warmup is \(rate.warmup) epochs, but stage \(stage) has \(epochs); give fewer, or the stage more")
        }
        let ratio = Double(fields.minibatch) / Double(rate.base)
        let factor =
            switch rate.scaling {
            case .constant: 1.0
            case .root: ratio.squareRoot()
            case .linear: ratio
            }
        return RateRule(factor: factor, warmup: rate.warmup)
    }
}
