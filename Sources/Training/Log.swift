import Foundation
import Glibc

/// A run's `log.jsonl`, one object a line, and the progress that a person sees on stderr: a line that redraws on a terminal, a line a
/// minute elsewhere. Rank 0 alone has one.
final class Log {
    private let run: URL?, label: String
    private var file: Int32?
    /// Whether the file was not there before.
    private var isNew = false
    /// Whether a line can be drawn anew: not where other runs write, too.
    private let isTerminal: Bool
    private var lastLine = ContinuousClock.now - .seconds(3600), isDrawing = false

    /// Of a run's folder, or of a rank that has none. Nothing is made before `open`.
    ///
    /// - Parameter label: before every line that is said, if any.
    init(_ run: URL?, label: String? = nil) {
        (self.run, self.label) = (run, label.map { "\($0): " } ?? "")
        isTerminal = label == nil && isatty(2) == 1
    }

    deinit { if let file { close(file) } }

    /// Makes the run's folder where there is none, and appends to its log from now on. The lock on it keeps other jobs out of the run.
    func open() throws {
        guard let run else { return }
        let path = run.appendingPathComponent("log.jsonl").path
        isNew = !FileManager.default.fileExists(atPath: path)
        // what FileManager says of a folder that it could not make names neither the cause nor the way out
        try? FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.cannotCreate, "\(path) cannot be created: \(String(cString: strerror(errno))); choose another folder with --out")
        }
        file = descriptor
        if try !RunLock.take(descriptor, of: run) {
            say("vigil: the file system of \(run.path) has no locks; see to it that no other job trains in this folder")
        }
    }

    /// Takes away what a run has that came to no checkpoint, where it was begun here.
    func abandon() {
        guard let run, file != nil, isNew else { return }
        for name in ["log.jsonl", "recipe.yaml"] { unlink(run.appendingPathComponent(name).path) }
        for folder in [run.appendingPathComponent("checkpoints"), run] { rmdir(folder.path) }  // what is not empty stays
    }

    /// Adds a line; keys in alphabetical order.
    func record(_ event: String, _ values: [String: Any]) throws {
        guard let file else { return }
        var line = try JSONSerialization.data(
            withJSONObject: values.merging(["event": event]) { $1 }, options: [.sortedKeys, .withoutEscapingSlashes])
        line.append(UInt8(ascii: "\n"))
        let end = lseek(file, 0, SEEK_END)
        do { try line.withUnsafeBytes { bytes in try POSIXError.write(bytes, to: file) } } catch {
            ftruncate(file, end)  // half a line would spoil the next one
            let path = run!.appendingPathComponent("log.jsonl").path
            throw Failure(.inputOutput, "\(path) cannot be written: \(reason(of: error)); free space, then run the same command again")
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
            write(label + text() + "\n")
        }
    }

    /// Says something of its own line.
    func say(_ text: String) {
        guard run != nil else { return }
        write((isDrawing ? "\r\u{1B}[K" : "") + label + text + "\n")
        isDrawing = false
    }

    private func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

/// Says something on stderr; where that cannot be written there is nobody to tell.
public func tell(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }
