import Foundation

/// The files of a folder and of the folders in it, sorted by path, hidden ones aside.
struct FileListing {
    let folder: URL
    /// Relative to the folder.
    let paths: [String]

    /// - Parameter extensions: in lower case; files with others are not listed.
    init(_ folder: URL, extensions: Set<String>) throws(DatasetError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue,
            let walk = FileManager.default.enumerator(atPath: folder.path)
        else { throw DatasetError(.missingInput, "\(folder.lastPathComponent) is no folder that can be read") }
        var paths: [String] = []
        for case let path as String in walk {
            let isHidden = path.split(separator: "/").contains { $0.hasPrefix(".") }
            if !isHidden, extensions.contains((path as NSString).pathExtension.lowercased()) { paths.append(path) }
        }
        // by bytes, so that it is the same order everywhere
        (self.folder, self.paths) = (folder, paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    func url(_ path: String) -> URL { folder.appendingPathComponent(path) }

    /// The folder's name with a digest of all paths and contents. Every rank reads every file for it.
    func provenance() throws(DatasetError) -> String {
        let hash = SHA256()
        for path in paths { hash.update("\(path) \(try SHA256.ofFile(url(path)).digest)\n") }
        return "\(folder.lastPathComponent), \(paths.count) files, SHA-256 \(hexadecimal(hash.digest()))"
    }
}
