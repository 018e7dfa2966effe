import CLinux
import Glibc
import Linux
import OCI
import Plan
import Streams

/// fc-boot: runs Firecracker as a child, joins the process in the guest to our stdin, stdout and stderr, forwards
/// signals to it, and ends with its status.
public final class VirtualMachine {
    private let machine: Machine
    private let loop = EventLoop()
    private var console: Console?
    private var streams: HostStreams?
    private var relay: HostDNSRelay?
    private var terminal: RawTerminal?
    private var firecracker: pid_t = 0
    /// The process's own end, once the guest has told it.
    private var status: Int?
    /// Why the connection to the guest broke, where it did.
    private var broken: StreamError?

    /// How long the guest may take to power off once it has told everything, in milliseconds.
    private static let powerOffLimit = 30_000

    public init(_ machine: Machine) {
        self.machine = machine
    }

    /// Returns the process's exit status: 0…255, 128+n for signal n. Throws `Failure(.machine)` where the VM ended first.
    public func run() throws -> Int {
        try Files.ensureDirectory(machine.directory, mode: 0o700)
        try removeSockets()
        defer { try? removeSockets() }  // What stays is in a folder that is deleted with the VM.
        try loop.watchSignals { [unowned self] in try handle(signal: $0) }
        let console = try Console(log: machine.consoleLog, loop: loop)
        self.console = console
        let streams = try HostStreams(
            vsock: machine.vsock, files: Self.files(terminal: machine.terminal), loop: loop,
            onMessage: { [unowned self] in try handle($0) },
            // Without its control connection the guest powers off: Firecracker's end tells the rest.
            onClose: { [unowned self] in broken = $0 })
        self.streams = streams
        if let servers = machine.relay, !servers.isEmpty {
            relay = try HostDNSRelay(vsock: machine.vsock, servers: servers.map(\.bytes), loop: loop)
        }
        if machine.terminal { terminal = RawTerminal() }
        defer { terminal?.restore() }
        try start(console)
        defer { end() }
        try loop.run()
        guard let status else {
            try console.drain()
            let reason = broken.map { "\($0); " } ?? ""
            throw Failure(
                .machine, "the VM ended before its process did: \(reason)\(console.lastWords(of: machine.id))")
        }
        return status
    }

    private static func files(terminal: Bool) -> [StreamPort: Descriptor] {
        var files: [StreamPort: Descriptor] = [.stdout: Descriptor(owning: 1, name: "stdout")]
        if !Descriptor.isNull(0) { files[.stdin] = Descriptor(owning: 0, name: "stdin") }
        if !terminal { files[.stderr] = Descriptor(owning: dup(2), name: "stderr") }
        return files
    }

    private func removeSockets() throws {
        for path in [machine.vsock] + StreamPort.allCases.map({ $0.socket(of: machine.vsock) }) where Files.exists(path)
        {
            try checked("unlink", on: path) { Int(unlink(path)) }
        }
    }

    /// Firecracker's.
    public static func commandLine(of machine: Machine) -> [String] {
        [machine.firecracker, "--no-api", "--config-file", machine.config, "--id", machine.id]
    }

    private func start(_ console: Console) throws {
        guard let output = console.writing else { return }
        let null = try Descriptor(opening: "/dev/null", O_RDWR)
        let pid = ChildProcess.withCStrings(Self.commandLine(of: machine)) { arguments in
            ChildProcess.withCStrings([]) { environment in
                linux_spawn_bound(machine.firecracker, arguments, environment, null.raw, output.raw)
            }
        }
        firecracker = try check(pid, "execve", on: machine.firecracker)
        console.closeWritingEnd()
    }

    /// Nothing of the VM outlives us.
    private func end() {
        guard firecracker > 0 else { return }
        kill(firecracker, SIGKILL)
        waitpid(firecracker, nil, 0)
    }

    private func handle(signal number: CInt) throws {
        switch number {
        case SIGCHLD: try reap()
        case SIGWINCH: try sendWindowSize()
        // About our own descriptors, not the process's.
        case SIGPIPE, SIGTTIN, SIGTTOU, SIGIO: break
        default: try streams?.send(.signal(number: Int(number)))
        }
    }

    /// In a container we are PID 1: any child may be ours.
    private func reap() throws {
        while true {
            let pid = waitpid(-1, nil, WNOHANG)
            if pid <= 0 { return }
            if pid == firecracker {
                firecracker = 0
                loop.stop()
            }
        }
    }

    private func handle(_ message: ControlMessage) throws {
        switch message {
        case .started: try sendWindowSize()
        case .exited(let status):
            try finish(status)
        case .failed(let message, let status):
            Self.report(message)
            try finish(status)
        case .ready, .signal, .windowSize, .finish: break
        }
    }

    /// Everything has arrived: the guest may power off.
    private func finish(_ status: Int) throws {
        guard self.status == nil else { return }
        self.status = status
        try streams?.send(.finish)
        loop.after(milliseconds: Self.powerOffLimit) { [unowned self] in loop.stop() }
    }

    private func sendWindowSize() throws {
        guard machine.terminal, let size = RawTerminal.windowSize() else { return }
        try streams?.send(.windowSize(rows: Int(size.ws_row), columns: Int(size.ws_col)))
    }

    /// As the process's own words would, on stderr.
    static func report(_ message: String) {
        let bytes = [UInt8]("runcvm: \(message)\r\n".utf8.filter { isatty(2) != 0 || $0 != 13 })
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}

/// Our terminal as a mere line to the guest's, which does the editing (termios(3), cfmakeraw).
final class RawTerminal {
    private var saved = termios()

    init?() {
        guard tcgetattr(0, &saved) == 0 else { return nil }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(0, TCSANOW, &raw)
    }

    func restore() { tcsetattr(0, TCSANOW, &saved) }

    static func windowSize() -> winsize? {
        var size = winsize()
        return withUnsafeMutablePointer(to: &size) { linux_ioctl_ptr(0, LINUX_TIOCGWINSZ, $0) } == 0 ? size : nil
    }
}
