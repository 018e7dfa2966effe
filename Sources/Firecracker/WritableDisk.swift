import CLinux
import Glibc
import Linux
import OCI

/// A container's own sparse disk: an ext4 file system, made by mke2fs(8), kept between starts. It has a journal, since
/// `docker kill` takes the VM away in the middle of anything.
public struct WritableDisk {
    let environment: [String: String]

    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// Makes the disk if it is not there. `size` in MiB; only what is written takes space.
    public func ensure(at path: String, size: Int, owner: UInt32) throws {
        if !Files.exists(path) {
            guard let mke2fs = Files.findProgram("mke2fs", path: environment["PATH"] ?? "/usr/sbin:/sbin") else {
                throw Failure(.unavailable, "mke2fs not found on PATH; apt-get install e2fsprogs")
            }
            let temporary = "\(path).\(getpid()).new"
            var committed = false
            defer { if !committed { unlink(temporary) } }
            let arguments = [
                "-q", "-F", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", temporary,
                "\(size)M",
            ]
            let outcome = try ChildProcess(mke2fs, arguments, environment: ["PATH=/usr/sbin:/sbin:/usr/bin:/bin"]).run()
            guard outcome.status == 0 else {
                throw Failure(.cannotCreate, "mke2fs \(path): \(outcome.reason)")
            }
            try checked("chmod", on: temporary) { Int(chmod(temporary, 0o600)) }
            try checked("rename", on: path) { Int(rename(temporary, path)) }
            committed = true
        }
        try checked("chown", on: path) { Int(chown(path, owner, owner)) }
    }
}
