import CLinux
import Glibc
import Linux
import OCI
import Streams

/// A connection from the host to a port in the guest, by Firecracker's Unix socket: `CONNECT PORT`, answered by `OK …`
/// (firecracker/docs/vsock.md).
public enum VsockConnection {
    private static let pause: UInt32 = 50_000

    /// Connects, and waits so many seconds for the guest to listen. Firecracker's socket must be there sooner.
    public static func open(_ path: String, port: GuestPort, patience: Int) throws -> Descriptor {
        let start = time(nil)
        while true {
            let raw = linux_unix_connect(path)
            let waited = time(nil) - start
            if raw >= 0 {
                let connection = Descriptor(owning: raw, name: "\(path):\(port.rawValue)")
                if try greet(connection, port, until: start + patience) { return connection }
            } else if ![.noEntry, Errno(ECONNREFUSED)].contains(Errno(-raw)) || waited >= min(patience, 10) {
                throw SystemError("connect", on: path, Errno(-raw), remedy: "the VM does not run")
            }
            guard waited < patience else {
                throw Failure(
                    .tryAgain, "the guest lets nobody in after \(patience) seconds; see console.log beside \(path)")
            }
            usleep(pause)
        }
    }

    /// False where nobody listens: Firecracker closes the connection; or nobody answers until then.
    private static func greet(_ connection: Descriptor, _ port: GuestPort, until deadline: time_t) throws -> Bool {
        do {
            try connection.writeAll([UInt8]("CONNECT \(port.rawValue)\n".utf8))
            // The guest's first bytes may follow at once.
            repeat {
                var answer = pollfd(fd: connection.raw, events: Int16(POLLIN), revents: 0)
                let wait = CInt(clamping: max(0, deadline - time(nil)) * 1000)
                if try checked("poll", on: connection.name, { Int(poll(&answer, 1, wait)) }) == 0 { return false }
            } while try connection.readExactly(1) != [0x0a]
            return true
        } catch let error as SystemError where [.brokenPipe, Errno(ECONNRESET)].contains(error.errno) {
            return false
        }
    }

    /// What OpenSSH's ProxyUseFdpass wants of its ProxyCommand: the connected descriptor on stdout, a Unix socket.
    public static func hand(over connection: Descriptor) throws {
        try check(linux_send_descriptor(1, connection.raw, 0), "sendmsg", on: "stdout")
    }
}
