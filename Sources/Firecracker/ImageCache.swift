import Glibc
import Linux
import OCI
import Plan

/// The root images that containers share, one for each list of layers:
///
///     KEY.erofs     the image
///     KEY.made      the layers' fingerprints, a line each, and the complete image's own
///     KEY.lock      held by who makes or removes the image (flock(2))
///
/// An image of layers that are no longer there is removed by the next start of any container. A machine that runs has
/// its image all the same: the kernel keeps an open file.
public struct ImageCache {
    public static let folder = "/var/lib/runcvm/images"
    let builder: RootImage

    public init(environment: [String: String]) {
        builder = RootImage(environment: environment)
    }

    /// The path of these layers' image, which is built if it is missing or not as it was left. Of many callers at once one
    /// builds it, and the others wait.
    public func image(of layers: [String]) throws -> String {
        try Files.ensureDirectory(Self.folder, mode: 0o700)
        let layersNow = try layers.map(Self.fingerprint)
        let entry = Entry(of: layersNow)
        try entry.locked {
            let imageNow = Files.exists(entry.image) ? try Self.fingerprint(of: entry.image) : ""
            if entry.made == layersNow + [imageNow] { return }
            try entry.clear()
            try builder.build(layers: layers, to: entry.image)
            let made = layersNow + [try Self.fingerprint(of: entry.image)]
            try Files.replace(entry.record, with: Array(made.joined(separator: "\n").utf8))
        }
        for key in try Entry.keys() where key != entry.key {
            // Another start's, or left to the next: none of it is this container's concern.
            try? Entry(key: key).removeIfStale()
        }
        return entry.image
    }

    /// What `image` would make now: the image, its record, and the lines of that before the image's own.
    /// nil where the image is there.
    public func missing(of layers: [String]) throws -> (image: String, record: String, lines: [String])? {
        let layersNow = try layers.map(Self.fingerprint)
        let entry = Entry(of: layersNow)
        let imageNow = Files.exists(entry.image) ? try Self.fingerprint(of: entry.image) : ""
        return entry.made == layersNow + [imageNow] ? nil : (entry.image, entry.record, layersNow)
    }

    /// Changes whenever somebody writes to the file, or makes it anew (stat(2)). The path is at the end: it may hold spaces.
    fileprivate static func fingerprint(of path: String) throws -> String {
        var status = stat()
        try checked("stat", on: path) { Int(stat(path, &status)) }
        return "\(status.st_dev):\(status.st_ino) \(status.st_size) "
            + "\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec) \(path)"
    }

    private struct Entry {
        let key: String
        private var base: String { "\(ImageCache.folder)/\(key)" }
        var image: String { "\(base).erofs" }
        var record: String { "\(base).made" }
        private var lock: String { "\(base).lock" }

        init(key: String) { self.key = key }

        init(of fingerprints: [String]) {
            key = String(Digest.fnv1a64(fingerprints.joined(separator: "\n").utf8), radix: 16)
        }

        static func keys() throws -> Set<String> {
            Set(try Files.list(ImageCache.folder).map { String($0.prefix { $0 != "." }) })
        }

        /// The record's lines; none where there is no record.
        var made: [String] { (try? Files.readText(record))?.split(separator: "\n").map(String.init) ?? [] }

        /// Runs `body` with the lock held. Its file may be removed while it is waited for: then another is the lock.
        func locked(_ mode: CInt = LOCK_EX, _ body: () throws -> Void) throws {
            while true {
                let file = try Descriptor(opening: lock, O_WRONLY | O_CREAT)
                try checked("flock", on: lock) { Int(flock(file.raw, mode)) }
                var (held, named) = (stat(), stat())
                guard fstat(file.raw, &held) == 0, stat(lock, &named) == 0, held.st_ino == named.st_ino else {
                    continue
                }
                return try withExtendedLifetime(file) { try body() }
            }
        }

        /// Removes all but the lock, with what a builder that was killed has left. Only under the lock.
        func clear() throws {
            for name in try Files.list(ImageCache.folder) where name.hasPrefix("\(key).") {
                let path = "\(ImageCache.folder)/\(name)"
                if path != lock { try Files.deleteTree(path) }
            }
        }

        /// Where a layer is gone or another, or nothing was completed, and nobody is at work.
        func removeIfStale() throws {
            try locked(LOCK_EX | LOCK_NB) {
                let layers = made.dropLast()
                let areThere = layers.allSatisfy { line in
                    let path = line.split(separator: " ", maxSplits: 3).last.map(String.init) ?? ""
                    return (try? ImageCache.fingerprint(of: path)) == line
                }
                if areThere, !layers.isEmpty { return }
                try clear()
                try checked("unlink", on: lock) { Int(unlink(lock)) }
            }
        }
    }
}
