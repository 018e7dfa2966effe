import CLinux
import Glibc
import Linux
import Plan
import Streams

/// The guest's side of the conversation with fc-boot: runs the image's process, pumps its stdio, reports its end.
final class GuestSession {
    /// How long the host may take to say `finish` after `failed`. After `exited` it first has to write all output, for as long
    /// as its reader likes.
    private static let patience = 30_000

    private let loop: EventLoop
    private var control: ControlConnection?
    private var process: GuestProcess?
    private var pumps: [Pump] = []
    private var relay: GuestDNSRelay?
    /// stdout's and stderr's, which must have come to their end before `exited` is sent.
    private var outputs: [Pump] = []
    private var status: Int?
    private var hostIsGone = false
    private var systemd: SystemdSession?

    /// Connects to fc-boot's control port. The vsock device appears a moment after its module is loaded.
    init() throws {
        loop = EventLoop()
        let connection = try Self.connect(.control)
        control = try ControlConnection(
            connection, loop: loop,
            onMessage: { [unowned self] in try receive($0) },
            onClose: { [unowned self] in hostGone($0) })
    }

    private static func connect(_ port: StreamPort) throws -> Descriptor {
        let early: Set<Errno> = [.noDevice, .addressNotAvailable, Errno(EAFNOSUPPORT), Errno(ENETUNREACH)]
        var attempts = 1000
        while true {
            let result = linux_vsock_connect(StreamPort.host, port.rawValue)
            attempts -= 1
            if result < 0, attempts > 0, early.contains(Errno(-result)) {
                usleep(5000)
                continue
            }
            let name = "vsock \(StreamPort.host):\(port.rawValue)"
            return Descriptor(owning: try check(result, "connect", on: name), name: name)
        }
    }

    /// Starts the process and stays until the host has everything, or is gone.
    func run(_ document: GuestDocument) throws {
        var connections: [StreamPort: Descriptor] = [:]
        for port in StreamPort.needed(terminal: document.wantsTerminal) where port != .control {
            do {
                connections[port] = try Self.connect(port)
            } catch let error as SystemError where port == .stdin && error.errno == Errno(ECONNRESET) {
                // The host has nothing to read.
            }
        }
        relay = Self.relay(document.relay ?? [], loop)
        // Before the fork: the end of a process that lives for a moment only must not be missed.
        try loop.watchSignals { [unowned self] number, _ in try handle(signal: number) }
        process = try GuestProcess.start(document, hasInput: connections[.stdin] != nil)
        if let process {
            try control?.send(.started(pid: Int(process.pid)))
            if let keys = document.sidecar { try Sidecar.start(keys, container: process.pid) }
        }
        try pump(connections)
        // From the start on we are a child of systemd, where that is PID 1: what shall serve beside it begins only here.
        try listenToSystemd(hasCommand: document.systemd?.command != nil)
        try loop.run()
    }

    /// Stands in for the name servers that only the container's namespace can reach.
    private static func relay(_ servers: [IPAddress], _ loop: EventLoop) -> GuestDNSRelay? {
        if servers.isEmpty { return nil }
        let name = "vsock \(StreamPort.host):\(StreamPort.dns.rawValue)"
        let port = NameServerPort.lead(to: servers)
        return GuestDNSRelay(
            servers: servers.map(\.bytes), port: port, loop: loop,
            connect: {
                let raw = linux_vsock_begin(StreamPort.host, StreamPort.dns.rawValue)
                return Descriptor(owning: try check(raw, "connect", on: name), name: name)
            }, report: { Console.print("bind \(servers[$0]) port \(port): \($1); names do not resolve by it") })
    }

    /// Tells the host why the guest stops, and waits until it knows.
    func fail(_ failure: StartFailure) {
        do {
            try control?.send(.failed(message: failure.message, status: failure.status))
            loop.after(milliseconds: Self.patience) { [unowned self] in
                Console.print("fc-boot has not said `finish` within \(Self.patience / 1000) seconds")
                loop.stop()
            }
            if !hostIsGone { try loop.run() }
        } catch {
            Console.print("\(error)")
        }
    }

    private func pump(_ connections: [StreamPort: Descriptor]) throws {
        // From here on the pumps alone hold the pipes: when one lets go of its pipe, it closes.
        defer { process?.letGoOfStdio() }
        if let input = process?.input, let connection = connections[.stdin] {
            pumps.append(
                Pump(.fromFrames, from: try .own(connection), to: try .own(input), loop: loop) { [unowned self] in
                    note($0, of: .stdin)
                })
        }
        for (port, descriptor) in [(StreamPort.stdout, process?.output), (.stderr, process?.errors)] {
            guard let descriptor, let connection = connections[port] else { continue }
            outputs.append(
                Pump(.toFrames, from: try .own(descriptor), to: try .own(connection), loop: loop) { [unowned self] in
                    note($0, of: port)
                    try reportEnd()
                })
        }
    }

    private func listenToSystemd(hasCommand: Bool) throws {
        guard let reports = process?.systemd, let reboots = reports.reboots else { return }
        systemd = try SystemdSession(
            hasCommand: hasCommand, reports: reports.reading, reboots: reboots, loop: loop,
            onCommandEnd: { [unowned self] in letGoOfHeld() },
            onEnd: { [unowned self] status in
                self.status = status
                letGoOfHeld()
                // Whoever else has them open will write no more.
                for output in outputs { try output.endWithWhatIsThere() }
                try reportEnd()
            })
    }

    /// Nobody is left at the terminal: letting go of it ends the controller's output.
    private func letGoOfHeld() {
        process?.terminal = nil
        process?.held = []
    }

    /// A stream that did not come to its end is told on the console; a reader that is gone is usual.
    private func note(_ outcome: Pump.Outcome, of port: StreamPort) {
        if outcome != .ended, outcome != .refused(.brokenPipe) { Console.print("\(port): \(outcome)") }
    }

    private func receive(_ message: ControlMessage) throws {
        switch message {
        case .signal(let number): signal(CInt(number))
        case .windowSize(let rows, let columns):
            guard process?.terminal != nil else { return }
            // By the controller: whoever has hung up the other end has done so for all that had it open (tty_ioctl(4)).
            outputs.first?.withSource { controller in
                do { try Terminal.resize(controller, rows: rows, columns: columns) } catch { Console.print("\(error)") }
            }
        case .finish: loop.stop()
        case .ready, .started, .exited, .failed: break  // ours
        }
    }

    private func hostGone(_ error: StreamError?) {
        Console.print(error.map { "\($0)" } ?? "fc-boot has closed the control connection")
        hostIsGone = true
        signal(SIGKILL)
        loop.stop()
    }

    private func signal(_ number: CInt) {
        // ESRCH: it has ended, which SIGCHLD tells.
        guard let process, status == nil else { return }
        if let systemd { systemd.signal(number) } else { kill(process.pid, number) }
    }

    private func handle(signal number: CInt) throws {
        switch number {
        case SIGCHLD: try reap()
        case SIGINT, SIGTERM, SIGPWR: signal(SIGTERM)  // Ctrl-Alt-Del of the virtual keyboard, power button
        default: break
        }
    }

    private func reap() throws {
        while true {
            var word: CInt = 0
            let pid = waitpid(-1, &word, WNOHANG)
            guard pid > 0 else { return }
            guard pid == process?.pid else { continue }
            let number = linux_term_signal(word)
            status = number > 0 ? 128 + Int(number) : Int(linux_exit_status(word))
            letGoOfHeld()
            try reportEnd()
        }
    }

    /// Sends `exited` when the process and its output have come to their end.
    private func reportEnd() throws {
        guard let status, outputs.allSatisfy({ $0.outcome != nil }) else { return }
        try control?.send(.exited(status: status))
    }
}
