import Detectors
import Testing

@Suite struct Settings {
    private func texts(_ settings: any DetectorSettings) -> [String] { settings.all.map { "\($0.name) \($0.setting.text): \($0.setting.expected)" } }

    @Test func ofGANomaly() {
        #expect(
            texts(GANomaly.Settings()) == [
                "latent 100: a whole number from 1 to 65536",
                "width 64: a whole number from 1 to 1024",
                "extraLayers 0: a whole number from 0 to 8",
                "networks authors: one of authors, anomalib",
                "adversarial 1.0: a number from 0.0 to 1000000.0",
                "contextual 50.0: a number from 0.0 to 1000000.0",
                "encoding 1.0: a number from 0.0 to 1000000.0",
                "adversarialLoss features: one of features, detachedFeatures, answers, crossEntropy",
                "encodingLoss squared: one of squared, smoothL1",
                "discriminatorLoss mean: one of mean, sum, features",
                "learningRate 0.0002: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
                "order together: one of together, discriminatorFirst",
                "reinitialize withOptimizer: one of off, weightsOnly, withOptimizer",
                "defaultScore latentL1: one of latentL1, latentL2",
            ])
    }

    @Test func ofSkipGANomaly() {
        #expect(
            texts(SkipGANomaly.Settings()) == [
                "width 64: a whole number from 1 to 1024",
                "features 100: a whole number from 1 to 65536",
                "adversarial 1.0: a number from 0.0 to 1000000.0",
                "contextual 50.0: a number from 0.0 to 1000000.0",
                "latent 1.0: a number from 0.0 to 1000000.0",
                "discriminatorLatentTerm false: true or false",
                "inputNoise 0.0: a number from 0.0 to 10.0",
                "learningRate 0.0002: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
                "reinitialize withOptimizer: one of off, weightsOnly, withOptimizer",
                "lambda 0.9: a number from 0.0 to 1.0",
                "residual squared: one of squared, absolute",
            ])
        let settings = SkipGANomaly.Settings()
        SkipGANomaly.variants[0].apply(settings)
        #expect(SkipGANomaly.variants.map(\.name) == ["released"] && settings.discriminatorLatentTerm && settings.reinitialize == .weightsOnly)
    }

    @Test func ofALOCC() {
        #expect(
            texts(ALOCC.Settings()) == [
                "networks authors: one of authors, paper",
                "width 16: a whole number from 1 to 1024",
                "noise 0.155: a number from 0.0 to 10.0",
                "lambda 0.4: a number from 0.0 to 1000000.0",
                "refinement squaredSum: one of squaredSum, squaredMean, released",
                "generatorSteps 1: a whole number from 1 to 8",
                "learningRate 0.002: a number from 0.0 to 1.0",
                "defaultScore refined: one of refined, direct",
            ])
        #expect(ALOCC.variants.map(\.name) == ["released", "paper-2018"])
    }

    @Test func ofADAE() {
        #expect(
            texts(ADAE.Settings()) == [
                "latent 128: a whole number from 1 to 65536",
                "width 64: a whole number from 1 to 1024",
                "adversarial 1.0: a number from 0.0 to 1000000.0",
                "discriminatorLoss difference: one of difference, absolute",
                "learningRate 1e-05: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
            ])
        #expect(ADAE.variants.map(\.name) == ["mnist", "yeonghyeon"])
    }

    @Test func ofAnoGAN() {
        #expect(
            texts(AnoGAN.Settings()) == [
                "latent 100: a whole number from 1 to 65536",
                "width 64: a whole number from 1 to 1024",
                "prior uniform: one of uniform, normal",
                "learningRate 0.0002: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
                "searchSteps 500: a whole number from 1 to 100000",
                "restarts 1: a whole number from 1 to 64",
                "searchRate 0.01: a number from 0.0 to 10.0",
                "lambda 0.1: a number from 0.0 to 1.0",
                "discrimination features: one of features, crossEntropy",
            ])
        #expect(AnoGAN.variants.map(\.name) == ["cross-entropy"])
    }

    @Test func ofFAnoGAN() {
        #expect(
            texts(FAnoGAN.Settings()) == [
                "latent 128: a whole number from 1 to 65536",
                "width 64: a whole number from 1 to 1024",
                "criticSteps 5: a whole number from 1 to 100",
                "penalty 10.0: a number from 0.0 to 1000000.0",
                "kappa 1.0: a number from 0.0 to 1000000.0",
                "learningRate 0.0001: a number from 0.0 to 1.0",
                "encoderLearningRate 5e-05: a number from 0.0 to 1.0",
                "encoderOptimizer rmsProp: one of rmsProp, adam",
                "encoderLoss izif: one of izif, izi, ziz",
                "encoderOutput tanh: one of tanh, linear",
            ])
        #expect(FAnoGAN.variants.map(\.name) == ["izi", "ziz", "dbbbbm"])
    }

    @Test func ofEGBAD() {
        #expect(
            texts(EGBAD.Settings()) == [
                "latent none: a whole number from 1 to 65536, or none",
                "width 64: a whole number from 2 to 1024",
                "hidden 1024: a whole number from 2 to 65536",
                "alpha 0.9: a number from 0.0 to 1.0",
                "crossEntropyPair sample: one of sample, reconstruction",
                "averageDecay none: a number from 0.0 to 0.999999, or none",
                "learningRate 1e-05: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
            ])
    }

    @Test func ofALAD() {
        #expect(
            texts(ALAD.Settings()) == [
                "latent none: a whole number from 1 to 65536, or none",
                "vectorNetworks kdd99: one of kdd99, arrhythmia",
                "width none: a whole number from 2 to 1024, or none",
                "hidden 1024: a whole number from 2 to 65536",
                "pairing channels: one of channels, height",
                "spectralGradient constant: one of constant, through",
                "adam ownStepCounts: one of ownStepCounts, sharedStepCount",
                "averageDecay 0.999: a number from 0.0 to 0.999999",
                "learningRate none: a number from 0.0 to 1.0, or none",
                "beta1 0.5: a number from 0.0 to 0.999",
            ])
    }

    @Test func ofAAE() {
        #expect(
            texts(AAE.Settings()) == [
                "latent none: a whole number from 1 to 65536, or none",
                "width none: a whole number from 2 to 1024, or none",
                "halvings 4: a whole number from 1 to 8",
                "critic none: a whole number from 1 to 65536, or none",
                "adversary wasserstein: one of wasserstein, crossEntropy",
                "lambda 0.5: a number from 0.0 to 1000000.0",
                "reconstruction root: one of root, squared",
                "criticSteps 5: a whole number from 1 to 1000",
                "earlyCriticSteps 10: a whole number from 1 to 1000",
                "prior fresh: one of fresh, shared",
                "penalty 10.0: a number from 0.0 to 1000000.0",
                "learningRate 2e-05: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
                "beta2 0.9: a number from 0.0 to 0.999999",
            ])
    }

    @Test func ofOCGAN() {
        #expect(
            texts(OCGAN.Settings()) == [
                "latent 16: a whole number from 1 to 65536",
                "width 64: a whole number from 1 to 1024",
                "visualWidth 12: a whole number from 1 to 1024",
                "latentWidth 128: a whole number from 8 to 65536",
                "latentDiscriminator logit: one of logit, doubleSigmoid",
                "noise 0.2: a number from 0.0 to 10.0",
                "latentActivation tanh: one of tanh, leaky",
                "reconstructionWeight 10.0: a number from 0.0 to 1000000.0",
                "latentWeight 1.0: a number from 0.0 to 1000000.0",
                "dropout 0.5: a number from 0.0 to 0.99",
                "momentum 0.1: a number from 0.0 to 1.0",
                "negativeSource uniform: one of uniform, tanhUniform",
                "miningSteps 5: a whole number from 1 to 1000",
                "miningRate 1.0: a number from 0.0 to 1000.0",
                "miningFrom 1: a whole number from 1 to 1000000",
                "order paper: one of paper, released",
                "noisyInput false: true or false",
                "learningRate 0.0002: a number from 0.0 to 1.0",
                "beta1 0.5: a number from 0.0 to 0.999",
            ])
        let released = OCGAN.Settings()
        OCGAN.variants[0].apply(released)
        #expect(OCGAN.variants.map(\.name) == ["released-2019"] && released.miningFrom == 151 && released.reconstructionWeight == 250)
    }

    @Test func ofALAE() {
        #expect(
            texts(ALAE.Settings()) == [
                "networks dense: one of dense, convolutional",
                "latent none: a whole number from 1 to 65536, or none",
                "width none: a whole number from 1 to 65536, or none",
                "widest 256: a whole number from 1 to 65536",
                "mappingLayers none: a whole number from 1 to 64, or none",
                "penalty 10.0: a number from 0.0 to 1000000.0",
                "styleMixing 0.9: a number from 0.0 to 1.0",
                "learningRate none: a number from 0.0 to 1.0, or none",
                "beta2 0.99: a number from 0.0 to 0.999999",
                "averageDecay none: a number from 0.0 to 0.999999, or none",
                "priorDraws 10: a whole number from 1 to 1000",
                "shrinkage 0.1: a number from 0.0 to 1.0",
            ])
    }

    /// What is no whole number, number or choice, and what lies outside of the range, changes nothing.
    @Test(arguments: [
        ("latent", ["0", "65537", "-1", "50.0", "1e2", "", " 50", "fifty", "none"]), ("extraLayers", ["-1", "9"]), ("width", ["0", "1025"]),
        ("adversarial", ["-0.1", "1e7", "nan", "inf", "", "one", "1,5"]), ("learningRate", ["1.1", "-1e-9"]), ("beta1", ["1", "0.9991"]),
        ("order", ["Together", "", "both", "discriminator-first"]), ("defaultScore", ["latentL3", "1"]),
    ]) func refuses(_ name: String, _ texts: [String]) throws {
        let all = GANomaly.Settings().all, setting = try #require(all.first { $0.name == name }).setting, before = setting.text
        for text in texts {
            #expect(!setting.set(text), "\(name): \(text)")
            #expect(setting.text == before)
        }
    }

    @Test(arguments: [
        ("latent", ["1", "65536"]), ("extraLayers", ["0", "8"]), ("adversarial", ["0.0", "0.5", "1000000.0"]), ("learningRate", ["1e-05", "1.0"]),
        ("order", ["together", "discriminatorFirst"]), ("reinitialize", ["withOptimizer", "weightsOnly", "off"]), ("defaultScore", ["latentL2"]),
    ]) func takes(_ name: String, _ texts: [String]) throws {
        let settings = GANomaly.Settings(), setting = try #require(settings.all.first { $0.name == name }).setting
        for text in texts {
            #expect(setting.set(text), "\(name): \(text)")
            #expect(setting.text == text)
        }
        #expect(settings.all.map(\.setting.text) != GANomaly.Settings().all.map(\.setting.text))  // others' settings are their own
    }

    @Test func variantsAreSettings() {
        func changed(by variant: Variant<GANomaly.Settings>) -> [String] {
            let settings = GANomaly.Settings()
            variant.apply(settings)
            return zip(settings.all, GANomaly.Settings().all).filter { $0.setting.text != $1.setting.text }.map {
                "\($0.0.name) \($0.0.setting.text)"
            }
        }
        let first = ["order discriminatorFirst", "reinitialize weightsOnly"]
        let expected = [
            ("released-2018-07", ["adversarialLoss crossEntropy", "discriminatorLoss sum"] + first),
            ("released-2018-10", ["adversarialLoss crossEntropy", "discriminatorLoss features"] + first),
            ("released-2019-08", ["adversarialLoss detachedFeatures", "reinitialize weightsOnly"]),
            ("released-2019-10", ["reinitialize weightsOnly"]),
            (
                "anomalib",
                ["networks anomalib", "adversarialLoss answers", "encodingLoss smoothL1", "reinitialize off", "defaultScore latentL2"]
            ),
        ]
        #expect(GANomaly.variants.map(\.name) == expected.map(\.0))
        #expect(GANomaly.variants.map(changed) == expected.map(\.1))
    }

    /// A setting takes its own text, every detector's and every one; and says what it is and where its default comes from.
    @Test func everyDetectorsDescribeThemselves() {
        #expect(Set(detectors.map { $0.name }).count == detectors.count)
        for detector in detectors {
            #expect(!detector.summary.isEmpty && !detector.shapes.isEmpty)
            for (name, setting) in defaults(of: detector).all {
                let text = setting.text
                #expect(setting.set(text) && setting.text == text, "\(detector.name): \(name)")
                #expect(!setting.meaning.isEmpty && !setting.source.isEmpty, "\(detector.name): \(name)")
            }
        }
    }

    private func defaults<D: Detector>(of detector: D.Type) -> any DetectorSettings { D.Settings() }
}
