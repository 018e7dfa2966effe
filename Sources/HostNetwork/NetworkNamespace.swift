import CLinux
import Glibc
import Linux
import OCI

/// A network namespace, held open (network_namespaces(7)).
public final class NetworkNamespace {
    public let path: String
    /// Tells namespaces apart while one of them is held open (stat(2) st_ino).
    public let inode: UInt64
    let descriptor: Descriptor

    /// Opens `/proc/PID/ns/net`, `/run/netns/NAME` or the like.
    /// Throws `Failure.missingInput` for a path that is not there, `Failure.privilege`, `Failure.badInput`.
    public init(path: String) throws {
        let descriptor = try Self.open(path)
        var status = stat()
        try checked("fstat", on: path) { Int(fstat(descriptor.raw, &status)) }
        // A deleted /run/netns/NAME leaves an empty file behind; setns(2) would only say EINVAL.
        guard linux_ioctl_int(descriptor.raw, Self.NS_GET_NSTYPE, 0) == LINUX_CLONE_NEWNET else {
            throw Failure(.badInput, "network namespace \(path): no network namespace; it may have been deleted")
        }
        self.descriptor = descriptor
        self.path = path
        inode = UInt64(status.st_ino)
    }

    /// The calling thread's own.
    public static func current() throws -> NetworkNamespace { try NetworkNamespace(path: "/proc/thread-self/ns/net") }

    /// Runs `body` with the calling thread in this namespace, and takes the thread back, also after an error.
    ///
    /// `body` must be done with the namespace when it returns; sockets that it opened stay in it. A `SystemError` of
    /// setns(2) "on the way back" means that the thread is lost there: the process must end.
    public func run<T>(_ body: () throws -> T) throws -> T {
        let home = try Self.current()
        if home.inode == inode { return try body() }
        try enter()
        let result = Result { try body() }
        do {
            try home.enter()
        } catch {
            let errno = (error as? SystemError)?.errno ?? .invalid
            throw SystemError(
                "setns", on: "on the way back from \(path)", errno, remedy: "this process must not go on")
        }
        return try result.get()
    }

    private func enter() throws {
        let result = linux_setns(descriptor.raw, LINUX_CLONE_NEWNET)
        if result == -EPERM {
            throw Failure(.privilege, "network namespace \(path): entering it needs CAP_SYS_ADMIN; run as root")
        }
        try check(result, "setns", on: path)
    }

    private static let NS_GET_NSTYPE: UInt = 0xb703  // ioctl_ns(2)

    private static func open(_ path: String) throws -> Descriptor {
        do {
            return try Descriptor(opening: path, O_RDONLY)
        } catch let error as SystemError {
            throw failure(path, error)
        }
    }

    private static func failure(_ path: String, _ error: SystemError) -> any Error {
        let subject = "network namespace \(path)"
        switch error.errno {
        case .noEntry, .noProcess:
            if path.hasPrefix("/proc/") {
                return Failure(.missingInput, "\(subject): no such process; the container has ended")
            }
            return Failure(.missingInput, "\(subject): no such file; ip netns list shows those that are named")
        case .notPermitted, .accessDenied:
            let capability = path.hasPrefix("/proc/") ? "CAP_SYS_PTRACE" : "CAP_DAC_READ_SEARCH"
            return Failure(.privilege, "\(subject): \(error.errno); needs \(capability), run as root")
        default:
            return error
        }
    }
}
