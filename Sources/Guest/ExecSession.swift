import CLinux
import Glibc
import Linux
import OCI
import Plan
import Streams

/// root's shell in the sidecar's root: an SSH session becomes the process of the request that its command names.
///
/// Its stdin, stdout, stderr or terminal are the process's. Signals come, and the end is told, by the request's connection;
/// when that breaks, the host's end is gone, and the process is killed as a process of the host's would be.
public final class ExecSession {
    /// How long the host may take to say `finish`, in milliseconds.
    private static let patience = 10_000

    private let loop = EventLoop()
    private let connection: Descriptor
    private let container: CInt
    private var control: ControlConnection?
    private var process: CInt?
    private var status: Int?

    /// Fetches the request's connection from the sidecar.
    public init(id: String) throws {
        let path = SidecarRoot.sessions
        let sidecar = Descriptor(owning: try check(linux_unix_connect(path), "connect", on: path), name: path)
        try sidecar.writeAll([UInt8](id.utf8))
        var number: CInt = 0
        let raw = try check(linux_receive_descriptor(sidecar.raw, &number), "recvmsg", on: "request \(id)")
        connection = Descriptor(owning: raw, name: "request \(id)")
        container = number
    }

    /// Returns the process's exit status: 0…255, 128+n for signal n.
    public func run() throws -> Int {
        let request = try readRequest()
        if !request.hasInput {
            let null = try Descriptor(opening: "/dev/null", O_RDONLY)
            try checked("dup2", on: null.name) { Int(dup2(null.raw, 0)) }
        }
        control = try ControlConnection(
            connection, loop: loop, onMessage: { [unowned self] in receive($0) },
            onClose: { [unowned self] _ in hostGone() })
        // Before the fork: the end of a process that lives for a moment only must not be missed.
        try loop.watchSignals { [unowned self] number, _ in if number == SIGCHLD { try reap() } }
        do {
            let pid = try ExecProcess.start(
                request.process, container: request.inSidecar == true ? nil : container)
            process = pid
            try control?.send(.started(pid: Int(pid)))
        } catch {
            let failure = StartFailure(error)
            // 125 would be a container's.
            let status = failure.status == 125 ? 126 : failure.status
            self.status = status
            try tell(.failed(message: failure.message, status: status))
        }
        try loop.run()
        return status ?? 255
    }

    private func readRequest() throws -> ExecRequest {
        let length = try connection.readExactly(4).reduce(0) { $0 << 8 | Int($1) }
        guard length <= JSONValue.largestDocument else { throw StartFailure("a request of \(length) bytes") }
        return try JSONValue(parsing: try connection.readExactly(length), subject: "request").decoded(at: "request")
    }

    private func receive(_ message: ControlMessage) {
        switch message {
        // ESRCH: it has ended, which SIGCHLD tells.
        case .signal(let number): if let process, status == nil { kill(process, CInt(number)) }
        case .finish: loop.stop()
        default: break
        }
    }

    private func hostGone() {
        if let process, status == nil { kill(process, SIGKILL) }
        loop.stop()
    }

    private func reap() throws {
        while true {
            var word: CInt = 0
            let pid = waitpid(-1, &word, WNOHANG)
            guard pid > 0 else { return }
            guard pid == process, status == nil else { continue }
            let number = linux_term_signal(word)
            let ended = number > 0 ? 128 + Int(number) : Int(linux_exit_status(word))
            status = ended
            try tell(.exited(status: ended))
        }
    }

    private func tell(_ message: ControlMessage) throws {
        try control?.send(message)
        loop.after(milliseconds: Self.patience) { [unowned self] in loop.stop() }
    }
}
