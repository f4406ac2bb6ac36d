import Detectors
import Graphs
import Networks

// Detectors of papers in the few lines that they need, on networks as small as they can be: what the API must be able to say.

/// A detector whose only purpose is to be traced.
protocol Sketch: Detector where Settings == NoSettings {
    init(sample: Shape)
}
struct NoSettings: DetectorSettings {}
extension Sketch {
    static var summary: String { "" }
    static var shapes: String { "" }
    init(_ settings: NoSettings, sample: Shape) throws(FormError) { self.init(sample: sample) }
}

func normal(_ deviation: Double = 0.3) -> Initializer { .normal(mean: 0, deviation: deviation) }

/// Dense layers with an activation between them.
func perceptron(_ widths: Int..., activation: Activation = .leakyReLU(0.2), bias: Bool = true) -> Sequential {
    Sequential {
        for place in 0 ..< widths.count - 2 {
            Dense(from: widths[place], to: widths[place + 1], bias: bias, weight: normal())
            activation
        }
        Dense(from: widths[widths.count - 2], to: widths[widths.count - 1], bias: bias, weight: normal())
    }
}

/// Adversarial autoencoder with latent consistency (Chen & Konukoglu 2018): many critic steps on one minibatch's codes.
struct ConstrainedAAE: Sketch {
    static let name = "caae"
    let encoder: Sequential, decoder: Sequential, critic: Sequential

    init(sample: Shape) {
        func normalized(_ channels: Int) -> Sequential {
            Sequential {
                BatchNorm(channels)
                Activation.leakyReLU(0.2)
            }
        }
        encoder = Sequential {
            Convolution(from: 1, to: 2, kernel: 3, padding: 1, bias: true)
            Activation.leakyReLU(0.2)
            normalized(2)
            Residual {
                Convolution(from: 2, to: 4, kernel: 3, stride: 2, padding: 1, bias: true)
                normalized(4)
            } main: {
                Convolution(from: 2, to: 2, kernel: 3, stride: 2, padding: 1, bias: true)
                normalized(2)
                Convolution(from: 2, to: 4, kernel: 3, padding: 1, bias: true)
                normalized(4)
            }
            Dense(from: sample.count, to: 3, weight: normal())
        }
        decoder = Sequential {
            Dense(from: 3, to: sample.count, weight: normal())
            Activation.leakyReLU(0.2)
            Rearrangement.reshape([sample.extents[0] / 2, sample.extents[1] / 2, 4])
            Residual {
                TransposedConvolution(from: 4, to: 2, kernel: 4, stride: 2, padding: 1, bias: true)
                normalized(2)
            } main: {
                TransposedConvolution(from: 4, to: 4, kernel: 4, stride: 2, padding: 1, bias: true)
                normalized(4)
                TransposedConvolution(from: 4, to: 2, kernel: 3, padding: 1, bias: true)
                normalized(2)
            }
            Convolution(from: 2, to: 1, kernel: 3, padding: 1, bias: true)
        }
        critic = perceptron(3, 5, 4, 1)
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 1) { step in
                let adam = Adam(rate: 2e-5, beta1: 0.5, beta2: 0.9)
                let x = step.minibatch(), z = encoder(x), x̂ = decoder(z), ẑ = step.evaluating { encoder(x̂) }
                let reconstruction = average(sqrt(sum(square(x - x̂)) + 1e-8))
                step.update(encoder, decoder, minimizing: reconstruction + 0.5 * average(sum(square(z - ẑ))), with: adam)

                let code = encoder(x)
                step.repeated(20) {
                    let prior = step.normal([3]), η = step.uniform([]), u = η * prior + (1 - η) * code.detached
                    let slope = l2(gradient(of: critic(u), by: u))
                    let loss = mean(critic(prior)) - mean(critic(code.detached)) + 10 * average(square(slope - 1))
                    step.update(critic, minimizing: loss, with: adam)
                    step.report("critic", loss)
                }
                step.update(encoder, minimizing: mean(critic(code)), with: adam)
                step.report("reconstruction", reconstruction)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let x = scoring.x, z = encoder(x), x̂ = decoder(z)
        scoring.score("residual", l1(x - x̂) / Double(x.shape.count))
        scoring.score("latent", l2(z - encoder(x̂)))
        scoring.map("residual", abs(x - x̂))
    }
}

/// ALAE (Pidhorskyi et al. 2020): R1 on E and D, and a loss that moves E and F, G by the states of both other updates.
struct ALAE: Sketch {
    static let name = "alae"
    let f: Sequential, g: Sequential, e: Sequential, d: Sequential
    let averageF: Sequential, averageG: Sequential, averageE: Sequential

    init(sample: Shape) {
        func mapping() -> Sequential { perceptron(3, 3, 3) }
        func decoder() -> Sequential { perceptron(3, 5, sample.count) }
        func encoder() -> Sequential { perceptron(sample.count, 5, 3) }
        (f, g, e) = (mapping(), decoder(), encoder())
        (averageF, averageG, averageE) = (mapping(), decoder(), encoder())
        d = Sequential {
            Dense(from: 3, to: 3, weight: normal())
            Dense(from: 3, to: 1, weight: normal())
        }
    }

    private func unit(_ z: Batched) -> Batched { z / sqrt(sum(square(z)) / Double(z.shape.count) + 1e-8) }

    var stages: [Stage] {
        [
            .train("training", epochs: 600) { step in
                let adam = Adam(rate: 2e-3, beta1: 0, beta2: 0.99), x = step.minibatch()
                func code() -> Batched { f(unit(step.normal([3]))) }
                let real = d(e(x)), fake = d(e(g(code()).detached))
                let penalty = average(sum(square(gradient(of: real, by: x))))
                let discriminator = average(sum(softplus(fake) + softplus(-real))) + 5 * penalty
                step.update(e, d, minimizing: discriminator, with: adam, group: "e+d")

                let generator = average(sum(softplus(-d(e(g(code()))))))
                step.update(f, g, minimizing: generator, with: adam, group: "f+g")

                let w = code(), latent = mean(square(e(g(w)) - w.detached))
                step.update(groups: ["e+d": [e], "f+g": [f, g]], minimizing: latent, with: adam)
                for (network, copy) in [(f, averageF), (g, averageG), (e, averageE)] { step.average(network, into: copy, decay: 0.99) }
                step.report("discriminator", discriminator)
                step.report("generator", generator)
                step.report("latent", latent)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let x = scoring.x, w = averageE(x), x̂ = averageG(w)
        scoring.score("pix", l1(x - x̂) / Double(x.shape.count))
        scoring.score("lat", sum(square(w - averageE(x̂))) / 3)
        scoring.score("crit", -d(e(x)))
    }
}

/// OCGAN (Perera et al. 2019): a search for latents that decode badly, inside training.
struct OCGAN: Sketch {
    static let name = "ocgan"
    let encoder: Sequential, decoder: Sequential, latent: Sequential, visual: Sequential, classifier: Sequential

    init(sample: Shape) {
        func critic() -> Sequential {
            Sequential {
                Convolution(from: 1, to: 2, kernel: 4, stride: 2, padding: 1, bias: true)
                BatchNorm(2)
                Activation.leakyReLU(0.2)
                Dense(from: sample.count / 2, to: 1, weight: normal())
            }
        }
        encoder = Sequential {
            perceptron(sample.count, 4, 3)
            Activation.tanh
        }
        decoder = Sequential {
            perceptron(3, 4, sample.count)
            Rearrangement.reshape(sample)
            Activation.tanh
        }
        (visual, classifier, latent) = (critic(), critic(), perceptron(3, 4, 1))
    }

    var stages: [Stage] {
        [
            .train("training", epochs: 200) { step in
                let adam = Adam(rate: 2e-4, beta1: 0.5), x = step.minibatch()
                let l1 = encoder(x + 0.2 * step.normal(x.shape)), l2 = 2 * step.uniform([3]) - 1
                func judged(_ logits: Batched, _ label: Double) -> Replicated { mean(bce(logits: logits, label)) }

                let classified = 0.5 * (judged(classifier(decoder(l1).detached), 1) + judged(classifier(decoder(l2).detached), 0))
                step.update(classifier, minimizing: classified, with: adam)
                let inLatent = 0.5 * (judged(latent(l2), 1) + judged(latent(l1.detached), 0))
                let inImage = 0.5 * (judged(visual(x), 1) + judged(visual(decoder(l2).detached), 0))
                step.update(latent, visual, minimizing: inLatent + inImage, with: adam)

                let mined = step.evaluating {
                    step.search(from: l2, steps: 5, with: SGD(rate: 1), within: -1 ... 1) { bce(logits: classifier(decoder($0)), 0) }
                }
                let reconstruction = 10 * mean(square(x - decoder(l1)))
                let loss = reconstruction + judged(latent(l1), 1) + judged(visual(decoder(mined)), 1)
                step.update(encoder, decoder, minimizing: loss, with: adam)
                step.report("classifier", classified)
                step.report("autoencoder", loss)
            }
        ]
    }

    func score(_ scoring: Scoring) {
        let x = scoring.x, x̂ = decoder(encoder(x))
        scoring.score("reconstruction", sum(square(x - x̂)) / Double(x.shape.count))
        scoring.score("visual", -visual(x̂))
    }
}
