import CLinux
import Glibc
import Linux
import Plan
import Streams

/// The host's way in beside the image's process: a process that stays in init's namespaces, listens on vsock, and starts a
/// Dropbear server for each connection (dropbear(8), -i). Nothing of it can be reached from any network.
///
/// A process for the host to run comes in two halves. On `GuestPort.exec` comes what to run (`ExecRequest`), and gets an id;
/// the SSH session on `GuestPort.ssh` that names this id then gets that connection (`ExecSession`).
final class Sidecar {
    /// How long a request waits for its session, in milliseconds; and how many may wait.
    private static let patience = 300_000
    private static let mostRequests = 256

    private let loop = EventLoop()
    /// The container's first process, whose namespaces the sessions enter.
    private let container: CInt
    private var requests: [String: Descriptor] = [:]
    private var listeners: [Descriptor] = []
    private var sessions: UnixListener?
    private var reboots: Descriptor?

    /// Starts it as a child of the calling process, none of whose descriptors it keeps.
    static func start(_ keys: SidecarKeys, container: CInt) throws {
        guard try check(linux_fork(), "fork", on: "sidecar") == 0 else { return }
        linux_close_from(3)
        linux_reset_signals()
        do {
            try SidecarRoot.prepare(keys, container: container)
            let sidecar = Sidecar(container)
            try sidecar.listen()
            try sidecar.loop.run()
        } catch {
            Console.print("sidecar: \(error); docker exec does not work")
        }
        _exit(1)
    }

    private init(_ container: CInt) { self.container = container }

    private func listen() throws {
        try loop.watchSignals { number, _ in
            if number == SIGCHLD { while waitpid(-1, nil, WNOHANG) > 0 {} }
        }
        sessions = try UnixListener(SidecarRoot.path + SidecarRoot.sessions, loop: loop) { [unowned self] in
            try give(to: $0)
        }
        if container == SystemdSession.pid { try watchReboots() }
        try listen(on: .exec) { [unowned self] in try keep($0) }
        try listen(on: .ssh) { try Self.serve($0) }
    }

    /// Sessions are no children of systemd's, whose calls init's session watches: what they call becomes an orderly end.
    private func watchReboots() throws {
        let watch = Descriptor(owning: try check(linux_watch_reboot(), "seccomp", on: "reboot(2)"), name: "reboot(2)")
        reboots = watch
        _ = loop.watch(watch.raw, .read) { _ in
            if SystemdSession.endsMachine(watch) { kill(getppid(), SIGTERM) }
        }
    }

    private func listen(on port: GuestPort, _ body: @escaping (Descriptor) throws -> Void) throws {
        let name = "vsock port \(port.rawValue)"
        let listener = Descriptor(owning: try check(linux_vsock_listen(port.rawValue), "bind", on: name), name: name)
        listeners.append(listener)
        _ = loop.watch(listener.raw, .read) { _ in
            let raw = linux_accept(listener.raw)
            guard raw >= 0 else { return }
            let connection = Descriptor(owning: raw, name: name)
            // A process in the guest might come by a loopback of vsock's.
            guard linux_vsock_is_host(raw) == 1 else { return }
            // The container may have used up all processes, or memory: the next one may find some again.
            do { try body(connection) } catch { Console.print("sidecar: \(error)") }
        }
    }

    /// A request: it is read by its session. The connection is closed when it waits too long.
    private func keep(_ connection: Descriptor) throws {
        guard requests.count < Self.mostRequests else { return }
        let id = Self.randomID()
        requests[id] = connection
        loop.after(milliseconds: Self.patience) { [unowned self] in requests[id] = nil }
        // The host may be gone again.
        try? connection.writeAll(try FrameEncoder.frame(try ControlMessage.ready(id: id).payload()))
    }

    /// A session of ours has come for its request; with a wrong id it gets nothing.
    private func give(to session: Descriptor) throws {
        var id = [UInt8](repeating: 0, count: 32)
        guard read(session.raw, &id, id.count) == id.count,
            let connection = requests.removeValue(forKey: String(decoding: id, as: UTF8.self))
        else { return }
        linux_send_descriptor(session.raw, connection.raw, container)
    }

    /// 128 random bits as 32 letters.
    private static func randomID() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    private static func serve(_ connection: Descriptor) throws {
        guard try check(linux_fork(), "fork", on: "dropbear") == 0 else { return }
        for number in CInt(0)...1 { dup2(connection.raw, number) }
        linux_reset_signals()
        // No forwarding, no passwords, no message of the day, no check of who else is there.
        let words = ["dropbear", "-i", "-s", "-g", "-j", "-k", "-m", "-r", SidecarRoot.hostKey]
        if chroot(SidecarRoot.path) == 0, chdir("/") == 0 {
            ChildProcess.withCStrings(words) { words in
                ChildProcess.withCStrings([]) { _ = execve("/sbin/dropbear", words, $0) }
            }
        }
        Console.print("dropbear: \(Errno.current)")
        _exit(127)
    }
}
