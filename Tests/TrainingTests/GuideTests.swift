import Datasets
import Detectors
import Foundation
import Testing

@testable import Training

private let guide = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources/vigil/Guide").standardized

/// The blocks of a page that are in a language, in order.
private func blocks(of page: String, in language: String) throws -> [String] {
    let text = try String(contentsOf: guide.appendingPathComponent(page), encoding: .utf8)
    return text.components(separatedBy: "\n```\(language)\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] + "\n" }
}

extension EndToEnd {
    /// What the guide says is so.
    @Suite struct GuideTests {
        private static let pagesWithCommands = ["Data.md", "Detectors.md", "EqualBits.md", "Export.md", "Report.md", "Scenes.md", "Score.md"]

        /// Every command runs, in the order of its page, on files as the page supposes them.
        @Test(arguments: pagesWithCommands) func commandsRun(_ page: String) throws {
            let folder = Workspace.shared.fresh("guide")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let commands = try blocks(of: page, in: "sh")
            try #require(!commands.isEmpty)
            // mpirun as on a machine of one user, whatever the cores
            let job = try Running(
                [folder, files, commands.joined()], seconds: 300,
                shell: #"""
                    export PATH="$(dirname "$0"):$PATH" OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
                    cd "$1" && python3 -c "$2" && exec bash -euo pipefail -c "$3"
                    """#
            ).wait()
            #expect(job.code == 0, "\(page): \(job.errors)")
        }

        /// All pages are in the index, and no page with commands is left out above.
        @Test func everyPageIsListed() throws {
            let pages = try FileManager.default.contentsOfDirectory(atPath: guide.path).filter { $0.hasSuffix(".md") && $0 != "README.md" }
            let index = try String(contentsOf: guide.appendingPathComponent("README.md"), encoding: .utf8)
            for page in pages { #expect(index.contains("](\(page))"), "\(page)") }
            #expect(try pages.filter { try !blocks(of: $0, in: "sh").isEmpty }.sorted() == Self.pagesWithCommands)
        }

        @Test func thePageHasTheDetector() throws {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("DenoisingAutoencoder.swift")
            #expect(try blocks(of: "NewDetector.md", in: "swift") == [String(contentsOf: file, encoding: .utf8)])
        }

        /// The detector of the page learns, to the same bytes on threads.
        @Test func theDetectorTrains() throws {
            func trained(_ more: (String, String)...) throws -> Run {
                let folder = Workspace.shared.fresh("denoising")
                let keys = [("detector", "denoising-autoencoder"), ("data", Workspace.shared.set), ("settings.width", "4"), ("epochs", "6")] + more
                let recipe = try Recipe(
                    nil, file: "", overrides: keys.map { (key: $0.0, value: $0.1) }, among: [DenoisingAutoencoder.self])
                _ = try Trainer(recipe, in: RunFolder(folder, .alone()), group: .alone()).train()
                return Run(path: folder)
            }
            let one = try trained(), two = try trained(("run.threads", "2"))
            #expect(try one.digest() == two.digest())
            let losses = one.log("step").compactMap { $0["loss"] as? Double }
            let first = try #require(losses.first), last = try #require(losses.last)
            #expect(last < 0.7 * first, "from \(first) to \(last)")
            #expect(throws: Failure.self) { _ = try trained(("transforms", "crop 15x16")) }
        }
    }
}

/// Python that makes small files of the kinds that the guide imports.
private let files = """
    import os, random, struct, zipfile, zlib
    random.seed(0)

    def png(path, crack):
        rows = [bytes([0] + [random.randrange(90, 110) + (60 if crack and x == y else 0) for x in range(40)]) for y in range(36)]
        def chunk(kind, body): return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(
                b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 36, 8, 0, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))

    for place, count in [("photos/train/good", 20), ("photos/test/good", 8), ("photos/test/crack", 6), ("pictures/good", 20), ("pictures/crack", 6)]:
        for number in range(count): png(f"{place}/{number:04}.png", "crack" in place)

    with open("readings.csv", "w") as file:
        for n in range(60): file.write(f"{n % 7},{n % 5 / 2},{'left' if n % 2 else 'right'},{'broken' if n % 4 == 3 else 'ok'}\\n")

    def npy(description, shape, values):
        head = f"{{'descr': '{description}', 'fortran_order': False, 'shape': {shape}}}"
        head += " " * (-(len(head) + 11) % 64) + "\\n"
        return b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(head)) + head.encode() + values

    with zipfile.ZipFile("arrays.npz", "w") as archive:
        archive.writestr("X.npy", npy("<f8", (60, 3), struct.pack("<180d", *[random.random() for _ in range(180)])))
        archive.writestr("y.npy", npy("<i8", (60,), struct.pack("<60q", *[n % 10 == 0 for n in range(60)])))
    """
