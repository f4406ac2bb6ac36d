import Foundation
import Glibc

/// A run's `log.jsonl`, one object a line, and the progress that a person sees on stderr: a line that redraws on a terminal, a line a
/// minute elsewhere. Rank 0 alone has one.
final class Log {
    private let run: URL?
    private var file: FileHandle?
    private let isTerminal = isatty(2) == 1
    private var lastLine = ContinuousClock.now - .seconds(3600), isDrawing = false

    /// Of a run's folder, or of a rank that has none. Nothing is made before `open`.
    init(_ run: URL?) { self.run = run }

    /// Makes the run's folder where there is none, and appends to its log from now on.
    func open() throws {
        guard let run else { return }
        let path = run.appendingPathComponent("log.jsonl").path
        // what FileManager says of a folder that it could not make names neither the cause nor the way out
        try? FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.cannotCreate, "\(path) cannot be created: \(String(cString: strerror(errno))); choose another folder with --out")
        }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Adds a line; keys in alphabetical order.
    func record(_ event: String, _ values: [String: Any]) throws {
        guard let file else { return }
        var line = try JSONSerialization.data(
            withJSONObject: values.merging(["event": event]) { $1 }, options: [.sortedKeys, .withoutEscapingSlashes])
        line.append(UInt8(ascii: "\n"))
        do { try file.write(contentsOf: line) } catch {
            throw Failure(.inputOutput, "the log cannot be written: \(error.localizedDescription); free space, then run the same command again")
        }
    }

    /// Shows how far training is: often on a terminal, once a minute in a file.
    func progress(_ text: @autoclosure () -> String, isLast: Bool = false) {
        guard run != nil, isLast || ContinuousClock.now - lastLine >= (isTerminal ? .milliseconds(200) : .seconds(60)) else { return }
        lastLine = .now
        if isTerminal {
            write("\r\u{1B}[K" + text() + (isLast ? "\n" : ""))
            isDrawing = !isLast
        } else {
            write(text() + "\n")
        }
    }

    /// Says something of its own line.
    func say(_ text: String) {
        guard run != nil else { return }
        write((isDrawing ? "\r\u{1B}[K" : "") + text + "\n")
        isDrawing = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
