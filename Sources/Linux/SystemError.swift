import CLinux
import Glibc

/// An errno(3) value.
public struct Errno: Hashable, Sendable, CustomStringConvertible {
    public var code: CInt
    public init(_ code: CInt) { self.code = code }

    public static var current: Errno { Errno(errno) }
    public static let exists = Errno(EEXIST)
    public static let noEntry = Errno(ENOENT)
    public static let noDevice = Errno(ENODEV)
    public static let noSuchDeviceOrAddress = Errno(ENXIO)
    public static let noProcess = Errno(ESRCH)
    public static let notPermitted = Errno(EPERM)
    public static let accessDenied = Errno(EACCES)
    public static let busy = Errno(EBUSY)
    public static let interrupted = Errno(EINTR)
    public static let wouldBlock = Errno(EAGAIN)
    public static let addressNotAvailable = Errno(EADDRNOTAVAIL)
    public static let notSupported = Errno(EOPNOTSUPP)
    public static let invalid = Errno(EINVAL)
    public static let brokenPipe = Errno(EPIPE)
    public static let noExec = Errno(ENOEXEC)
    public static let noSpace = Errno(ENOSPC)

    /// The text and the name, as in "Device or resource busy (EBUSY)".
    public var description: String {
        let text = strerror(code).map { String(cString: $0) } ?? "error"
        let name = linux_errno_name(code).map { String(cString: $0) } ?? String(code)
        return "\(text) (\(name))"
    }
}

/// A system call that the kernel refused: "TUNSETIFF tap0: Device or resource busy (EBUSY)".
public struct SystemError: Error, CustomStringConvertible {
    public var call: String
    public var subject: String
    public var errno: Errno
    /// What the user can do about it, or the kernel's own sentence (netlink's extended ACK).
    public var remedy: String?

    public init(_ call: String, on subject: String, _ errno: Errno, remedy: String? = nil) {
        self.call = call
        self.subject = subject
        self.errno = errno
        self.remedy = remedy
    }

    public var description: String {
        "\(call) \(subject): \(errno)" + (remedy.map { "; \($0)" } ?? "")
    }
}

/// Checks the result of a shim that returns -errno.
@discardableResult
public func check(_ result: CInt, _ call: String, on subject: String, remedy: String? = nil) throws -> CInt {
    guard result >= 0 else { throw SystemError(call, on: subject, Errno(-result), remedy: remedy) }
    return result
}

/// Checks the result of a C library call that returns -1 and sets errno; starts it again after EINTR.
@discardableResult
public func checked(_ call: String, on subject: String, remedy: String? = nil, _ body: () -> Int) throws -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = Errno.current
        if error == .interrupted { continue }
        throw SystemError(call, on: subject, error, remedy: remedy)
    }
}
