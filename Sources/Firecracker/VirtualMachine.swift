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
    /// The status is that of a start that failed, before which the guest lets go of the streams.
    private var isUnstarted = false
    /// Why the connection to the guest broke, where it did.
    private var broken: StreamError?
    private var startTimer: EventLoop.Timer?

    /// How long the guest may take to power off once it has told everything, in milliseconds.
    private static let powerOffLimit = 120_000
    /// How long the guest may take to boot and to start its process, in milliseconds.
    private static let startLimit = 600_000

    public init(_ machine: Machine) {
        self.machine = machine
    }

    /// Returns the process's exit status: 0…255, 128+n for signal n. Throws `Failure(.machine)` where the VM ended first.
    public func run() throws -> Int {
        try Files.ensureDirectory(machine.directory, mode: 0o700)
        try removeSockets()
        defer { try? removeSockets() }  // What stays is in a folder that is deleted with the VM.
        try loop.watchSignals { [unowned self] in try handle(signal: $0, isSent: $1) }
        let console = try Console(log: machine.consoleLog, loop: loop)
        self.console = console
        let streams = try HostStreams(
            vsock: machine.vsock, files: Self.files(terminal: machine.terminal), loop: loop,
            onMessage: { [unowned self] in try handle($0) },
            // Without it the guest powers off, and Firecracker's end tells the rest; unless it is out of order.
            onClose: { [unowned self] in
                broken = $0
                if status == nil { loop.after(milliseconds: Self.powerOffLimit) { [unowned self] in loop.stop() } }
            })
        self.streams = streams
        if let servers = machine.relay, !servers.isEmpty {
            relay = try HostDNSRelay(vsock: machine.vsock, servers: servers.map(\.bytes), loop: loop)
        }
        if machine.terminal { terminal = RawTerminal() }
        defer { terminal?.restore() }
        try start(console)
        defer { end() }
        var isLate = false
        startTimer = loop.after(milliseconds: Self.startLimit) { [unowned self] in
            isLate = true
            loop.stop()
        }
        try loop.run()
        if isLate {
            throw Failure(
                .machine,
                "the guest has not started its process within \(Self.startLimit / 1000) seconds: "
                    + console.lastWords(of: machine.id))
        }
        if let status {
            guard let broken, !isUnstarted else { return status }
            throw Failure(.machine, "the process ended with \(status), but its output is not whole: \(broken)")
        }
        try console.drain()
        // A VM that ends loses its streams.
        let reason = broken.flatMap { $0 == .lost ? nil : "\($0); " } ?? ""
        throw Failure(.machine, "the VM ended before its process did: \(reason)\(console.lastWords(of: machine.id))")
    }

    private static func files(terminal: Bool) -> [StreamPort: Pump.End] {
        // Room on a terminal may be for a few bytes only (tty_poll): we open it anew, so as never to wait for it.
        let own = terminal ? try? Descriptor(opening: "/proc/self/fd/1", O_WRONLY | O_NOCTTY) : nil
        let stdout = own.flatMap { try? Pump.End.own($0) } ?? .shared(Descriptor(owning: 1, name: "stdout"))
        var files: [StreamPort: Pump.End] = [.stdout: stdout]
        if !Descriptor.isNull(0) { files[.stdin] = .shared(Descriptor(owning: 0, name: "stdin")) }
        if !terminal { files[.stderr] = .shared(Descriptor(owning: dup(2), name: "stderr")) }
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

    private static let own: Set<CInt> = [SIGPIPE, SIGTTIN, SIGTTOU, SIGIO]

    private func handle(signal number: CInt, isSent: Bool) throws {
        switch number {
        case SIGCHLD: try reap()
        case SIGWINCH where !isSent: try sendWindowSize()
        // About our own descriptors, not the process's; but an image may have any of them as its STOPSIGNAL.
        case _ where !isSent && Self.own.contains(number): break
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
                // What it has sent is still to be read.
                streams?.drain { [unowned self] in loop.stop() }
            }
        }
    }

    private func handle(_ message: ControlMessage) throws {
        switch message {
        case .started:
            startTimer?.cancel()
            try sendWindowSize()
            linux_release_program()  // Most of it is for the start, and a host has many of us.
        case .exited(let status):
            try finish(status)
        case .failed(let message, let status):
            Self.report(message)
            isUnstarted = true
            try finish(status)
        case .ready, .signal, .windowSize, .finish: break
        }
    }

    /// Everything has arrived: the guest may power off.
    private func finish(_ status: Int) throws {
        guard self.status == nil else { return }
        self.status = status
        startTimer?.cancel()
        try streams?.send(.finish)
        loop.after(milliseconds: Self.powerOffLimit) { [unowned self] in loop.stop() }
    }

    private func sendWindowSize() throws {
        guard let size = terminal?.windowSize() else { return }
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
    /// Of our own, since stdin is closed when the process reads no more.
    private let terminal: Descriptor

    init?() {
        let copy = fcntl(0, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { return nil }
        terminal = Descriptor(owning: copy, name: "terminal")
        guard tcgetattr(terminal.raw, &saved) == 0 else { return nil }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(terminal.raw, TCSANOW, &raw)
    }

    func restore() { tcsetattr(terminal.raw, TCSANOW, &saved) }

    func windowSize() -> winsize? {
        var size = winsize()
        let result = withUnsafeMutablePointer(to: &size) { linux_ioctl_ptr(terminal.raw, LINUX_TIOCGWINSZ, $0) }
        return result == 0 ? size : nil
    }
}
