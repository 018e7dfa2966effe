import Glibc
import Linux
import Netlink

/// The lock under which host mode's taps, networks and ports are given out, and its rules changed (flock(2)).
///
/// It is a file, hidden among the containers' folders, and ends with the process at the latest. Within a journal's body it is
/// held to the end of that.
public enum HostModeLock {
    public static func hold<T>(in directory: String, _ body: () throws -> T) throws -> T {
        if DryRun.current != nil { return try body() }
        try Files.ensureDirectory(directory, mode: 0o700)
        let lock = try Descriptor(opening: "\(directory)/.host-mode.lock", O_RDWR | O_CREAT)
        try checked("flock", on: lock.name) { Int(flock(lock.raw, LOCK_EX)) }
        let result = try withExtendedLifetime(lock) { try body() }
        // What may yet be undone is so under the lock too.
        Journal.current?.record { withExtendedLifetime(lock) {} }
        return result
    }
}
