import CHDF5
import Foundation
import Synchronization

/// What HDF5 or a check of this wrapper refused, in one sentence: the file and object, then the library's own reasons from
/// the outermost call to the innermost.
public struct HDF5Error: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// The library is entered by one thread at a time: it holds a global lock itself where it is built for threads, and this
/// one makes every other build safe as well.
private let entrance = Mutex(false)

/// Runs one call of the library and gives its result; a negative one is an error that begins with `what`. A closure holds
/// one call and nothing that could enter the library again.
@discardableResult
func checked<Code: SignedInteger>(_ what: @autoclosure () -> String, _ call: () -> Code) throws(HDF5Error) -> Code {
    let (code, reasons) = entrance.withLock { isOpen -> (Code, [String]) in
        if !isOpen {
            open()
            isOpen = true
        }
        _ = ch5_print_no_errors()
        let code = call()
        return (code, code < 0 ? errorStack() : [])
    }
    if code < 0 { throw HDF5Error(([what()] + reasons).joined(separator: ": ")) }
    return code
}

/// Runs one call of the library whose result is no code of success.
func entered<Result: BitwiseCopyable>(_ call: () -> Result) -> Result { entrance.withLock { _ in call() } }

/// Foreign files must not run code or open other files: plug-in filters are off, and external links have no meaning.
private func open() {
    precondition(H5open() >= 0, "HDF5: the library cannot be initialized")
    precondition(H5PLset_loading_state(0) >= 0, "HDF5: plug-ins cannot be turned off")
    precondition(H5Lunregister(H5L_TYPE_EXTERNAL) >= 0, "HDF5: external links cannot be turned off")
}

/// The reasons on this thread's error stack, outermost first, none twice in a row; the stack is empty afterwards.
private func errorStack() -> [String] {
    var reasons: [String] = []
    _ = withUnsafeMutablePointer(to: &reasons) {
        ch5_walk_errors(
            { _, record, data in
                guard let text = record?.pointee.desc, let reasons = data?.assumingMemoryBound(to: [String].self) else { return 0 }
                let reason = brief(String(cString: text))
                if reasons.pointee.last != reason { reasons.pointee.append(reason) }
                return 0
            }, $0)
    }
    _ = ch5_clear_errors()
    return reasons
}

/// A reason without the time, the descriptor and the addresses that the library's file driver adds to the system's words.
private func brief(_ reason: String) -> String {
    let parts = reason.components(separatedBy: ": time = "), words = reason.components(separatedBy: "error message = '")
    guard parts.count == 2, words.count == 2, let end = words[1].firstIndex(of: "'") else { return reason }
    return "\(parts[0]): \(words[1][..<end])"
}

/// An identifier of the library, closed when the last reference goes.
final class Handle: Sendable {
    let id: hid_t
    private let close: @Sendable (hid_t) -> herr_t

    init(_ id: hid_t, _ close: @escaping @Sendable (hid_t) -> herr_t) { (self.id, self.close) = (id, close) }

    /// Closes now, where a failure must be heard of (a file that was written).
    func closeNow(_ what: @autoclosure () -> String) throws(HDF5Error) { try checked(what()) { close(id) } }

    deinit {
        // A closed file takes its objects along, so the identifier may have gone before its handle.
        if (try? checked("") { H5Iis_valid(id) }) ?? 0 > 0 { _ = try? checked("") { close(id) } }
    }
}
