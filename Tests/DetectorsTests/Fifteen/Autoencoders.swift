import Detectors
import Graphs
import LinearAlgebra
import Networks
import Scenes

/// RSRAE (Lai, Zou, Lerman 2020): three losses move overlapping parameters, each with moments of its own.
struct RSRAE: Sketch {
    static let name = "rsrae"
    let encoder: Sequential, decoder: Sequential
    /// Aᵀ: [D, d].
    @Parameter var subspace: Variable

    init(sample: Shape) {
        func layer(_ from: Int, _ to: Int) -> Sequential {
            Sequential {
                Dense(from: from, to: to, weight: normal())
                Activation.tanh
                BatchNorm(to)
            }
        }
        encoder = Sequential {
            layer(sample.count, 6)
            layer(6, 4)
        }
        decoder = Sequential {
            layer(2, 5)
            Dense(from: 5, to: sample.count, weight: normal())
            Activation.tanh
        }
        _subspace = Parameter([4, 2], .orthonormal)
    }

    private func unit(_ z: Batched) -> Batched { z / maximum(l2(z), 1e-12) }
    private func within(_ y: Batched) -> (z: Batched, back: Batched) {
        let a = y.trace.read(subspace), z = product(y, vectorBy: a)
        return (z, product(z, vectorBy: a.transposed))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 200) { step in
                let x = step.minibatch(), vector = x.reshaped([x.shape.count])
                let reconstruction = average(l2(vector - decoder(unit(within(encoder(x)).z))))
                step.update(encoder, decoder, subspace, minimizing: reconstruction, with: Adam(rate: 2.5e-4))

                let a = step.trace.read(subspace), identity = step.trace.literal([2, 2], [1, 0, 0, 1])
                let orthogonality = sum(square(product(a.transposed, a) - identity)) / 4
                step.update(subspace, minimizing: orthogonality, with: Adam(rate: 2.5e-3))

                let y = encoder(x), energy = average(l2(y - within(y).back))
                step.update(encoder, subspace, minimizing: energy, with: Adam(rate: 2.5e-3))
                step.report("reconstruction", reconstruction)
                step.report("orthogonality", orthogonality)
                step.report("energy", energy)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let x = scoring.x.reshaped([scoring.x.shape.count]), x̂ = decoder(unit(within(encoder(scoring.x)).z))
        scoring.score("cosine", -sum(x * x̂) / ((l2(x) + 1e-6) * (l2(x̂) + 1e-6)))
    }
}

/// adVAE (Wang et al. 2019): two updates with hinges, and the error of a mean over many draws.
struct AdVAE: Sketch {
    static let name = "advae"
    typealias Gaussian = (mean: Batched, logVariance: Batched)
    let encoder: Sequential, generator: Sequential, transformer: Sequential
    static let draws = 20

    init(sample: Shape) {
        encoder = perceptron(sample.count, 4, 4, 2 * 3, activation: .relu)
        generator = Sequential {
            perceptron(3, 4, 4, sample.count, activation: .relu)
            Activation.sigmoid
        }
        transformer = perceptron(2 * 3, 6, 6, 2 * 3, activation: .sigmoid)
    }

    private func halves(_ h: Batched) -> Gaussian { (h.sliced(0 ..< 3, axis: 0), h.sliced(3 ..< 6, axis: 0)) }
    private func code(_ x: Batched) -> Gaussian { halves(encoder(x)) }
    private func kl(_ c: Gaussian) -> Batched { 0.5 * sum(square(c.mean) + exp(c.logVariance) - c.logVariance - 1) }
    private func kl(_ c: Gaussian, from t: Gaussian) -> Batched {
        0.5 * sum(t.logVariance - c.logVariance + (exp(c.logVariance) + square(c.mean - t.mean)) / exp(t.logVariance) - 1)
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 10) { step in
                let (γ, λ, mx, mz) = (0.01, 0.003, 2.0, 20.0), adam = Adam(rate: 1e-3)
                let x = step.minibatch(), flat = x.reshaped([x.shape.count])
                func drawn(_ c: Gaussian) -> Batched { c.mean + exp(0.5 * c.logVariance) * step.normal([3]) }
                func error(_ a: Batched, _ b: Batched) -> Batched { sum(square(a - b)) }
                func images(_ c: Gaussian, _ t: Gaussian) -> (Batched, Batched) { (generator(drawn(c)), generator(drawn(t))) }

                let h = encoder(x).detached, c = halves(h), t = halves(transformer(h))
                let (xr, xt) = images(c, t)
                let generating = error(flat, xr) + γ * kl(code(xr)) + relu(mx - error(xr, xt)) + γ * relu(mz - kl(code(xt)))
                let first = average(kl(c, from: t) + λ * generating)
                step.update(generator, transformer, minimizing: first, with: adam)

                let own = code(x), (xr2, xt2) = images(own, halves(transformer(encoder(x))))
                let hinges = relu(mz - kl(code(xr2.detached))) + relu(mz - kl(code(xt2.detached)))
                let second = average(error(flat, xr2) + λ * kl(own) + γ * hinges)
                step.update(encoder, minimizing: second, with: adam)
                step.report("generator and transformer", first)
                step.report("encoder", second)
            }
        ]
    }

    /// Draws are views of the sample; the threshold is found on the host.
    func score(_ scoring: Scoring) {
        let x = scoring.x.reshaped([scoring.x.shape.count]), c = code(scoring.x), shape: Shape = [Self.draws, 3]
        let z = c.mean.broadcast(to: shape) + exp(0.5 * c.logVariance).broadcast(to: shape) * scoring.normal(shape)
        let x̂ = mean(generator(z), axis: 0)
        scoring.score("reconstruction", sum(square(x - x̂)))
        scoring.host("worst", from: abs(x - x̂)) { operands in Double(operands[0].max()!) }
    }
}

/// CAVGA (Venkataramanan et al. 2020): the attention, a gradient, is in the loss.
struct CAVGA: Sketch {
    static let name = "cavga"
    let trunk: Sequential, mean: Convolution, logVariance: Convolution, decoder: Sequential, discriminator: Sequential

    init(sample: Shape) {
        trunk = Sequential {
            Convolution(from: 1, to: 3, kernel: 4, stride: 2, padding: 1)
            BatchNorm(3)
            Activation.leakyReLU(0.2)
        }
        (mean, logVariance) = (Convolution(from: 3, to: 2, kernel: 1), Convolution(from: 3, to: 2, kernel: 1))
        decoder = Sequential {
            TransposedConvolution(from: 2, to: 1, kernel: 4, stride: 2, padding: 1)
            Activation.tanh
        }
        discriminator = Sequential {
            Convolution(from: 1, to: 2, kernel: 4, stride: 2, padding: 1)
            Activation.leakyReLU(0.2)
            Dense(from: sample.count / 2, to: 1, weight: normal())
        }
    }

    /// σ(Σ_k α_k F_k) with α the mean slope of the code by each feature map: [height, width, 1].
    func attention(_ features: Batched) -> Batched {
        let slope = gradient(of: sum(mean(features)), by: features), channels = features.shape.extents[2]
        let α = sum(slope, to: [1, 1, channels]) / Double(features.shape.count / channels)
        return sigmoid(sum(features * α.broadcast(to: features.shape), axis: 2))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 150) { step in
                let adam = Adam(rate: 1e-4), x = step.minibatch(), features = trunk(x)
                let μ = mean(features), s = logVariance(features), z = μ + exp(0.5 * s) * step.normal(μ.shape), x̂ = decoder(z)
                let judging = Graphs.mean(bce(logits: discriminator(x), 1)) + Graphs.mean(bce(logits: discriminator(x̂.detached), 0))
                step.update(discriminator, minimizing: judging, with: adam)

                let kl = 0.5 * Graphs.mean(square(μ) + exp(s) - s - 1), reconstruction = Graphs.mean(square(x - x̂))
                let expansion = Graphs.mean(1 - attention(features)), deceiving = Graphs.mean(bce(logits: discriminator(x̂), 1))
                step.update(trunk, mean, logVariance, decoder, minimizing: reconstruction + kl + deceiving + 0.01 * expansion, with: adam)
                step.report("reconstruction", reconstruction)
                step.report("attention", expansion)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let x = scoring.x, features = trunk(x)
        scoring.score("reconstruction", l1(x - decoder(mean(features))) / Double(x.shape.count))
        scoring.map("attention", nearestUpsampled(1 - attention(features), by: 2))
    }
}

/// RaPP (Kim et al. 2020): the covariance of all hidden differences, fitted on the trained network.
struct RaPP: Sketch {
    static let name = "rapp"
    let encoder: [Sequential], decoder: Sequential
    @State var center: Variable
    /// Principal directions, each divided by its singular value: [n, n].
    @State var directions: Variable

    init(sample: Shape) {
        func layer(_ from: Int, _ to: Int) -> Sequential {
            Sequential {
                Dense(from: from, to: to, weight: normal())
                BatchNorm(to)
                Activation.leakyReLU(0.01)
            }
        }
        encoder = [layer(sample.count, 5), layer(5, 3)]
        decoder = perceptron(3, 5, sample.count)
        _center = State([8], .constant(0))
        _directions = State([8, 8], .constant(0))
    }

    private func encoded(_ x: Batched) -> [Batched] {
        encoder.reduce(into: [x]) { path, layer in path.append(layer(path.last!)) }
    }
    private func reconstructed(_ x: Batched) -> Batched { decoder(encoded(x).last!).reshaped(x.shape) }
    /// h_i - ĥ_i of all layers, side by side.
    private func differences(_ x: Batched) -> Batched {
        concatenated(zip(encoded(x), encoded(reconstructed(x))).dropFirst().map { $0 - $1 }, axis: 0)
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 200) { step in
                let x = step.minibatch(), loss = total(sum(square(x - reconstructed(x))))
                step.update(encoder[0], encoder[1], decoder, minimizing: loss, with: Adam(rate: 1e-3))
                step.report("reconstruction", loss)
            },
            .fit("paths") { fit in
                let δ = differences(fit.x)
                fit.total(total(δ))
                fit.total(totalOuterProduct(δ, δ))
                fit.conclude { found in
                    let n = center.shape.count, count = Double(found.samples), mean = found.totals[0].map { $0 / count }
                    let scatter = (0 ..< n * n).map { found.totals[1][$0] - count * mean[$0 / n] * mean[$0 % n] }
                    let problem = try SymmetricEigenproblem(scatter, size: n), largest = problem.values.last!
                    let scale = problem.values.map { $0 > 1e-12 * largest ? 1 / $0.squareRoot() : 0 }
                    let columns = (0 ..< n).flatMap { row in (0 ..< n).map { problem.vectors[$0 * n + row] * scale[$0] } }
                    return [(center, mean), (directions, columns)]
                }
            },
        ]
    }

    func score(_ scoring: Scoring) {
        let δ = differences(scoring.x), centered = δ - scoring.trace.read(center)
        scoring.score("nap", sum(square(product(centered, vectorBy: scoring.trace.read(directions)))))
        scoring.score("sap", sum(square(δ)))
    }
}

/// HADGAN (Jiang et al. 2020): pixels are samples, and the residual's statistics and neighborhoods are the scene's.
struct HADGANSketch: Sketch, SceneDetector {
    static let name = "hadgan"
    let encoder: Sequential, decoder: Sequential, latent: Sequential, image: Sequential

    init(sample: Shape) {
        encoder = Sequential {
            Dense(from: sample.count, to: 6, weight: normal())
            BatchNorm(6)
            Activation.leakyReLU(0.2)
            Dense(from: 6, to: 2, bias: false, weight: normal())
        }
        (decoder, latent, image) = (perceptron(2, 6, sample.count), perceptron(2, 6, 1), perceptron(sample.count, 6, 1))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 5) { step in
                let adam = Adam(rate: 1e-4), x = step.minibatch(), z = encoder(x), x̂ = decoder(z), prior = step.normal([2])
                func judged(_ logits: Batched, _ label: Double) -> Replicated { mean(bce(logits: logits, label)) }
                step.update(latent, minimizing: judged(latent(prior), 1) + judged(latent(z.detached), 0), with: adam)
                step.update(image, minimizing: judged(image(x), 1) + judged(image(x̂.detached), 0), with: adam)

                let consistency = mean(square(prior - encoder(decoder(prior))))
                let common = mean(square(x - x̂)) + consistency + 0.1 * mean(square(z))
                let deceivingLatent = judged(latent(z), 1), deceivingImage = judged(image(decoder(z.detached)), 1)
                step.update(encoder, minimizing: common + deceivingLatent, with: RMSProp(rate: 1e-4, decay: 0.99, epsilon: 1e-8))
                step.update(decoder, minimizing: common + deceivingImage, with: adam)
                step.report("reconstruction", common)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let residual = abs(scoring.x - decoder(encoder(scoring.x)))
        scoring.score("energy", sum(square(residual)))
        scoring.map("residual", residual)
    }

    func score(_ scene: Scene) throws {
        let residual = scene["residual"], n = residual.channels
        func scaled(_ map: SceneMap) throws -> SceneMap {
            let range = try scene.ranges(of: map)[0]
            return scene.pointwise(map) { [Float((Double($0[0].first!) - range.lowerBound) / (range.upperBound - range.lowerBound))] }
        }

        let (mean, covariance) = try scene.moments(of: residual)
        let trace = (0 ..< n).reduce(0) { $0 + covariance[$1 * n + $1] }
        let ridge = (0 ..< n * n).map { covariance[$0] + ($0 / n == $0 % n ? 1e-6 * trace / Double(n) : 0) }
        let problem = try SymmetricEigenproblem(ridge, size: n)
        let spectral = scene.kept(
            scene.pointwise(residual) { pixels in
                let centered = zip(pixels[0], mean).map { Double($0) - $1 }
                var distance = 0.0
                for vector in 0 ..< n {
                    let share = (0 ..< n).reduce(0) { $0 + problem.vectors[vector * n + $1] * centered[$1] }
                    distance += share * share / problem.values[vector]
                }
                return [Float(distance)]
            })

        // what is reconstructed best, so that anomalies are left
        let energies = try scene.total(of: residual, count: n) { pixel, sums in
            for (band, value) in pixel.enumerated() { sums[band] += Double(value * value) }
        }
        let bands = energies.indices.sorted { (energies[$0], $0) < (energies[$1], $1) }.prefix(3), ranges = try scene.ranges(of: residual)
        let area = 3
        let response = scene.kept(
            scene.map(residual, halo: area - 1) { block in
                var sum = Array(repeating: Float(0), count: block.rows.count * block.columns)
                for band in bands {
                    let range = ranges[band], span = range.upperBound - range.lowerBound
                    let levels = sum.indices.map { pixel in
                        (1000 * (Double(block.values[0][pixel * n + band]) - range.lowerBound) / span).rounded()
                    }
                    let gray = GrayImage(rows: block.rows.count, columns: block.columns, levels)
                    let (opened, closed) = (gray.areaOpened(area), gray.areaClosed(area))
                    for pixel in sum.indices {
                        sum[pixel] += Float(abs(levels[pixel] - opened.values[pixel]) + abs(closed.values[pixel] - levels[pixel]))
                    }
                }
                return sum
            })
        let spatial = scene.kept(
            scene.map(try scaled(response), halo: 2) { block in
                let gray = GrayImage(rows: block.rows.count, columns: block.columns, block.values[0].map(Double.init))
                return gray.guidedFiltered(radius: 1, epsilon: 1e-2).values.map { value in Float(value) }
            })
        scene.score("D_spectral", spectral)
        scene.score("D_spatial", spatial)
        scene.score("D_SS", scene.pointwise(try scaled(spatial), try scaled(spectral)) { [0.5 * $0[0].first! + 0.5 * $0[1].first!] })
    }
}
