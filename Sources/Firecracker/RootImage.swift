import CLinux
import Glibc
import Linux
import OCI
import Plan

/// The read-only images that make a VM's root: made of folders by mkfs.erofs(1).
public struct RootImage {
    let environment: [String: String]

    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// Makes an image of the union of folders, the topmost first, under a temporary name, and renames it when complete.
    public func build(layers: [String], to image: String) throws {
        guard let mkfs = Files.findProgram("mkfs.erofs", path: environment["PATH"] ?? Self.path) else {
            throw Failure(.unavailable, "mkfs.erofs not found on PATH; apt-get install erofs-utils")
        }
        for layer in layers where !Files.isDirectory(layer) {
            throw Failure.badInput(layer, "not a folder; an image is made of folders")
        }
        let temporary = "\(image).\(getpid()).new"
        var committed = false
        defer { if !committed { unlink(temporary) } }
        let outcome = try Self.union(of: layers) { folder in
            try TreeSurvey(of: folder).check(fits: image)
            return try ChildProcess(mkfs, ["--quiet", temporary, folder], environment: ["PATH=\(Self.path)"]).run()
        }
        guard outcome.status == 0 else {
            // "<E> erofs: ", a tab, and the reason.
            let reason = outcome.reason.split(separator: "\t").last ?? ""
            throw Failure(.cannotCreate, "mkfs.erofs \(image): \(reason)")
        }
        try checked("chmod", on: temporary) { Int(chmod(temporary, 0o444)) }
        // The name must not outlive the contents when the power fails.
        let file = try Descriptor(opening: temporary, O_RDONLY)
        try checked("fsync", on: temporary) { Int(fsync(file.raw)) }
        try checked("rename", on: image) { Int(rename(temporary, image)) }
        committed = true
    }

    private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Mounts a read-only overlay of the folders in a mount namespace that ends with `body`'s thread of work, so that nothing
    /// stays mounted, whatever happens; its links are in a tmpfs there for the same reason.
    private static func union<T>(of layers: [String], _ body: (String) throws -> T) throws -> T {
        if layers.count == 1 { return try body(layers[0]) }
        let original = try Descriptor(opening: "/proc/thread-self/ns/mnt", O_RDONLY)
        let here = "/run/runcvm/.union"
        try Files.ensureDirectory(here, mode: 0o700)
        try check(linux_unshare(LINUX_CLONE_NEWNS), "unshare", on: "mount namespace", remedy: "run as root")
        defer { _ = linux_setns(original.raw, LINUX_CLONE_NEWNS) }
        try check(linux_mount("none", "/", nil, LINUX_MS_REC | LINUX_MS_PRIVATE, nil), "mount", on: "/")
        try check(linux_mount("tmpfs", here, "tmpfs", 0, nil), "mount tmpfs", on: here)
        let point = "\(here)/root"
        try Files.ensureDirectory(point)
        try OverlayMount.mount(layers: layers, at: point)
        return try body(point)
    }
}
