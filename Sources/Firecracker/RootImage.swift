import CLinux
import Glibc
import Linux
import OCI
import Plan

/// The read-only images that make a VM's root: made once of each image's layers by mkfs.erofs(1), shared by its containers.
public struct RootImage {
    public static let cache = "/var/lib/runcvm/images"
    let environment: [String: String]

    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// The shared image of these layers, built if it is not there. Two callers at once build it once (flock(2)).
    ///
    /// The key tells the layers' folders (device, inode, change time); a text beside the image holds them in full, so
    /// that two keys that collide are found out.
    public func shared(layers: [String]) throws -> String {
        let identity = try layers.map(Self.identity).joined(separator: "\n")
        try Files.ensureDirectory(Self.cache, mode: 0o700)
        let base = "\(Self.cache)/\(String(Digest.fnv1a64(identity.utf8), radix: 16))"
        let image = "\(base).erofs"
        let lock = try Descriptor(opening: "\(base).lock", O_WRONLY | O_CREAT)
        try checked("flock", on: lock.name) { Int(flock(lock.raw, LOCK_EX)) }
        if Files.exists(image), let recorded = try? Files.readText("\(base).layers"), recorded == identity {
            return image
        }
        try build(layers: layers, to: image)
        try Files.replace("\(base).layers", with: [UInt8](identity.utf8))
        return image
    }

    /// Makes an image of the union of folders, the topmost first, under a temporary name, and renames it when complete.
    public func build(layers: [String], to image: String) throws {
        guard let mkfs = Files.findProgram("mkfs.erofs", path: environment["PATH"] ?? Self.path) else {
            throw Failure(.unavailable, "mkfs.erofs not found on PATH; apt-get install erofs-utils")
        }
        let temporary = "\(image).\(getpid()).new"
        var committed = false
        defer { if !committed { unlink(temporary) } }
        let outcome = try Self.union(of: layers) { folder in
            try ChildProcess(mkfs, ["--quiet", temporary, folder], environment: ["PATH=\(Self.path)"]).run()
        }
        guard outcome.status == 0 else {
            throw Failure(.cannotCreate, "mkfs.erofs \(image): \(outcome.reason)")
        }
        try checked("chmod", on: temporary) { Int(chmod(temporary, 0o444)) }
        try checked("rename", on: image) { Int(rename(temporary, image)) }
        committed = true
    }

    private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private static func identity(of layer: String) throws -> String {
        var status = stat()
        try checked("stat", on: layer) { Int(stat(layer, &status)) }
        return "\(layer) \(status.st_dev):\(status.st_ino) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
    }

    /// Mounts a read-only overlay of the folders in a mount namespace that ends with this process's thread of work, so
    /// that nothing stays mounted, whatever happens.
    private static func union<T>(of layers: [String], _ body: (String) throws -> T) throws -> T {
        if layers.count == 1 { return try body(layers[0]) }
        let original = try Descriptor(opening: "/proc/thread-self/ns/mnt", O_RDONLY)
        let point = "/run/runcvm/.union.\(getpid())"
        try Files.ensureDirectory(point, mode: 0o700)
        defer { rmdir(point) }
        try check(linux_unshare(LINUX_CLONE_NEWNS), "unshare", on: "mount namespace", remedy: "run as root")
        defer { _ = linux_setns(original.raw, LINUX_CLONE_NEWNS) }
        try check(linux_mount("none", "/", nil, LINUX_MS_REC | LINUX_MS_PRIVATE, nil), "mount", on: "/")
        try OverlayMount.mount(layers: layers, at: point)
        return try body(point)
    }
}
