import Datasets
import Foundation
import Ranks

/// The normals that a run kept out of training, from which thresholds are chosen.
enum HeldOutNormals {
    case of(Split, samples: [Int])
    /// Why there are none.
    case absent(String)

    /// - Parameters:
    ///   - evaluated: the set that is open already, if any.
    ///   - fingerprint: of the set that the run was trained on. In any other, normals that the rule holds out may have been trained on.
    init(of recipe: Recipe, fingerprint: String, evaluated: SampleSet?, over group: RankGroup) throws {
        let fields = recipe.fields
        guard fields.heldOut > 0 else {
            self = .absent("the run kept no normals out of training (heldOut: 0)")
            return
        }
        let folder = URL(fileURLWithPath: fields.data)
        let set: SampleSet
        if let evaluated, evaluated.manifest.fingerprint == fingerprint {
            set = evaluated
        } else {
            // rank 0 looks for all, so that none waits where the set is gone
            let text = try group.broadcast(group.rank == 0 ? (try? Array(Manifest(of: folder).encoded())) ?? [] : [])
            guard let manifest = try? Manifest(decoding: Data(text)), manifest.fingerprint == fingerprint else {
                self = .absent("the set that the run was trained on is not at \(fields.data)")
                return
            }
            do { set = try SampleSet(at: folder, manifest: manifest) } catch { throw Failure(error, in: fields.data) }
        }
        guard set.manifest.scene == nil else {
            self = .absent("a scene is trained on as a whole, abnormal pixels too")
            return
        }
        let split: Split
        do { split = try set.split("train") } catch { throw Failure(error, in: fields.data) }
        let samples = recipe.heldOut(of: split)
        self =
            samples.isEmpty ? .absent("the share of \(fields.heldOut) came to none of \(split.count) training samples") : .of(split, samples: samples)
    }
}

extension Recipe {
    /// The normals of the training split that the run does not train on; of a scene none, since its mask is for judging alone.
    func heldOut(of split: Split) -> [Int] {
        fields.heldOut > 0 && split.set.manifest.scene == nil ? split.heldOut(fraction: fields.heldOut, seed: UInt64(fields.seed)) : []
    }
}
