import Foundation
import Glibc

/// Keeps a second job out of a run's folder: rank 0 holds a lock on `log.jsonl`, which is never replaced, as long as it lives.
///
/// The lock is one of `fcntl`, since those hold between the nodes of NFS, Lustre and GPFS where `flock` may reach no farther than its node;
/// and it belongs to the open file (`F_OFD_SETLK`), so that no other close in this process drops it. The system releases it when the process
/// dies in whatever way, so there is nothing to clean up after a job that was killed. Who holds it stands in the log's last start.
enum RunLock {
    /// Takes the lock of a log that is open for writing. Returns false where the file system has none.
    ///
    /// - Throws: `Failure` where another job has it.
    static func take(_ descriptor: Int32, of run: URL) throws -> Bool {
        var lock = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
        let ownOpenFile: Int32 = 37  // F_OFD_SETLK, which Glibc's module hides
        guard fcntl(descriptor, ownOpenFile, &lock) != 0 else { return true }
        guard errno == EAGAIN || errno == EACCES else { return false }
        throw Failure(
            .cannotCreate, "\(run.path) belongs to another job\(holder(of: run)); wait for its end or choose another folder with --out")
    }

    private static func holder(of run: URL) -> String {
        let text = (try? String(contentsOf: run.appendingPathComponent("log.jsonl"), encoding: .utf8)) ?? ""
        let starts = text.split(separator: "\n").filter { $0.contains(#""event":"start""#) }
        guard let last = starts.last, let start = try? JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any],
            let pid = start["pid"], let host = (start["nodes"] as? [Any])?.first, let date = start["date"]
        else { return "" }
        return ", process \(pid) on \(host) since \(date)"
    }
}
