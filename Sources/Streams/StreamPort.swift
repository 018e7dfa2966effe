/// The vsock ports at which fc-boot listens, and to which the guest connects (CID 2, vsock(7)).
///
/// Firecracker turns a guest's connection to port N into one to the Unix socket `PATH_N`
/// (firecracker/docs/vsock.md), so the sockets must be there before the guest boots.
public enum StreamPort: UInt32, CaseIterable, Sendable {
    case control = 1000
    case stdin, stdout, stderr
    /// Many connections, one for each conversation with a name server; see HostDNSRelay.
    case dns

    /// The host's address (VMADDR_CID_HOST).
    public static let host: UInt32 = 2

    /// Its Unix socket, for the socket of Firecracker's vsock device.
    public func socket(of vsock: String) -> String { "\(vsock)_\(rawValue)" }

    /// Those of which every VM has one connection. With a terminal there is no stderr of its own.
    public static func needed(terminal: Bool) -> [StreamPort] {
        terminal ? [.control, .stdin, .stdout] : [.control, .stdin, .stdout, .stderr]
    }
}

/// The vsock ports at which the guest's sidecar listens, and to which the host connects through Firecracker's own socket.
public enum GuestPort: UInt32, Sendable {
    /// SSH, by Dropbear.
    case ssh = 22
    /// One connection for each process that is run by SSH: see ExecRequest.
    case exec = 1005
}
