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
