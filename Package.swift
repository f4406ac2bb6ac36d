// swift-tools-version: 6.1
import Foundation
import PackageDescription

/// The pkg-config file of the MPI to build against: Open MPI's unless the environment names another, as `mpich`.
let mpi = ProcessInfo.processInfo.environment["VIGIL_MPI"] ?? "ompi-c"
/// That of HDF5: Debian's unless the environment names another, as `hdf5` elsewhere.
let hdf5 = ProcessInfo.processInfo.environment["VIGIL_HDF5"] ?? "hdf5-serial"

let package = Package(
    name: "vigil",
    products: [.executable(name: "vigil", targets: ["vigil"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // C
        .systemLibrary(name: "COpenMPI", pkgConfig: mpi, providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: hdf5, providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .target(name: "CKernels"),

        // wrappers
        .target(name: "MPI", dependencies: ["COpenMPI"]),
        .target(name: "HDF5", dependencies: ["CHDF5"]),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"]),
        .target(name: "Randomness"),

        // the symbolic side
        .target(name: "Graphs"),
        .target(name: "Networks", dependencies: ["Graphs"]),
        .target(name: "Scenes"),
        .target(name: "Detectors", dependencies: ["Networks", "LinearAlgebra", "Scenes", "Randomness"]),

        // the side that computes
        .target(name: "Ranks", dependencies: ["MPI"]),
        .target(name: "Plans", dependencies: ["Graphs", "Ranks", "CKernels"]),
        .target(name: "Datasets", dependencies: ["HDF5", "CCrypto", "CZlib", "CPNG", "CJPEG", "Randomness"]),
        .target(name: "Metrics", dependencies: ["Ranks", "Randomness"]),
        .target(name: "Reports", dependencies: ["CPNG"]),
        .target(name: "Protobuf"),
        .target(name: "ONNX", dependencies: ["Graphs", "Protobuf"]),
        .target(
            name: "Training",
            dependencies: [
                "Detectors", "LinearAlgebra", "Plans", "Datasets", "Randomness", "HDF5", "Metrics", "Reports", "ONNX", "Protobuf", "CCrypto", "Yams",
            ]),
        .executableTarget(
            name: "vigil",
            dependencies: [
                "Training", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], exclude: ["Guide"]),

        // tests; what runs under mpirun is a program of its own
        .executableTarget(
            name: "rank-probe", dependencies: ["MPI", "Ranks", "Metrics", "Datasets", "Detectors", "Scenes", "Training"], path: "Tests/RankProbe"),
        .testTarget(name: "RandomnessTests", dependencies: ["Randomness"]),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"]),
        .testTarget(name: "ScenesTests", dependencies: ["Scenes"]),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels"]),
        .testTarget(name: "RanksTests", dependencies: ["Ranks", "rank-probe"]),
        .testTarget(name: "HDF5Tests", dependencies: ["HDF5"]),
        .testTarget(name: "DatasetsTests", dependencies: ["Datasets"]),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "rank-probe"]),
        .testTarget(name: "ReportsTests", dependencies: ["Reports"]),
        .testTarget(name: "ProtobufTests", dependencies: ["Protobuf"]),
        .testTarget(name: "ONNXTests", dependencies: ["ONNX"]),
        .testTarget(name: "GraphsTests", dependencies: ["Graphs"]),
        .testTarget(name: "PlansTests", dependencies: ["Plans", "Networks", "Randomness"]),
        .target(name: "CAllocations", path: "Tests/CAllocations"),
        .testTarget(name: "DetectorsTests", dependencies: ["Detectors", "LinearAlgebra", "Plans", "Scenes", "Randomness", "CAllocations"]),
        .testTarget(name: "TrainingTests", dependencies: ["Training", "vigil", "rank-probe"]),
    ]
)
