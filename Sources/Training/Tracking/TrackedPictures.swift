import Datasets
import Plans
import Reports

/// What a detector makes of a few samples, always the same ones: input, reconstruction and map side by side, all maps on one scale. Made by one
/// rank, in the time that it takes to score a microbatch.
struct TrackedPictures {
    private let samples: [(name: String, number: Int)], split: Split, model: Model, scorer: Scorer

    /// nil where there is nothing to show: the samples are no images, or the detector makes no picture of them.
    init?(of samples: [(name: String, number: Int)], _ split: Split, _ model: Model, _ recipe: Recipe, on resources: Plan.Resources) throws {
        (self.samples, self.split, self.model) = (samples, split, model)
        guard !samples.isEmpty, SamplePictures.absence(of: split, shape: model.preprocessing.shape) == nil else { return nil }
        scorer = try Scorer(model, microbatch: recipe.microbatch, seed: UInt64(recipe.fields.seed), shows: true, on: resources)
        if scorer.scoring.maps.isEmpty, scorer.scoring.reconstructions.isEmpty { return nil }
    }

    /// With the weights as they are now. A sample of which the detector makes what is not finite is left out.
    func images() throws -> [(name: String, canvas: Canvas)] {
        let pictures = try SamplePictures(of: samples.map(\.number), split, model, by: scorer)
        return samples.compactMap { sample in pictures.strip(of: sample.number).map { (sample.name, $0) } }
    }
}
