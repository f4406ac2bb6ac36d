import Foundation

/// A run's `log.jsonl`, one object a line, and the progress that a person sees on stderr: a line that redraws on a terminal, a line a
/// minute elsewhere. Rank 0 alone has one.
final class Log {
    private let file: FileHandle?
    private let isTerminal = isatty(2) == 1
    private var lastLine = ContinuousClock.now - .seconds(3600), isDrawing = false

    /// Appends to the log of a run.
    init(_ url: URL?) throws {
        guard let url else {
            file = nil
            return
        }
        if !FileManager.default.fileExists(atPath: url.path), !FileManager.default.createFile(atPath: url.path, contents: nil) {
            throw Failure(.cannotCreate, "\(url.path) cannot be created; choose another folder with --out")
        }
        file = try FileHandle(forWritingTo: url)
        try file?.seekToEnd()
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
        guard file != nil, isLast || ContinuousClock.now - lastLine >= (isTerminal ? .milliseconds(200) : .seconds(60)) else { return }
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
        guard file != nil else { return }
        write((isDrawing ? "\r\u{1B}[K" : "") + text + "\n")
        isDrawing = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
