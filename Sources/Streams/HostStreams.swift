import Glibc
import Linux

/// fc-boot's side: listens for the guest's connections, and pumps stdin, stdout and stderr.
///
/// Make it before Firecracker starts. `onMessage` gets what the guest says; `exited` comes when all output has been
/// written, and wants `finish` as the answer. `onClose` tells that a connection broke (the error) or that the control
/// connection ended (nil), which is normal only after `finish`; it comes once.
public final class HostStreams {
    private let loop: EventLoop
    private var files: [StreamPort: Pump.End]
    private var listeners: [StreamPort: UnixListener] = [:]
    private var pumps: [StreamPort: Pump] = [:]
    private var control: ControlConnection?
    private var backlog: [ControlMessage] = []
    private var exit: ControlMessage?
    private var isClosed = false
    private var onDrained: (() -> Void)?
    private let onMessage: (ControlMessage) throws -> Void
    private let onClose: (StreamError?) throws -> Void

    /// `files` are our own stdin, stdout and stderr; without `.stderr` there is a terminal, without `.stdin` the guest's
    /// connection to it is refused, and the process reads from /dev/null.
    public init(
        vsock: String, files: [StreamPort: Pump.End], loop: EventLoop,
        onMessage: @escaping (ControlMessage) throws -> Void, onClose: @escaping (StreamError?) throws -> Void
    ) throws {
        self.loop = loop
        self.files = files
        self.onMessage = onMessage
        self.onClose = onClose
        for port in StreamPort.needed(terminal: files[.stderr] == nil) where port != .stdin || files[.stdin] != nil {
            listeners[port] = try UnixListener(port.socket(of: vsock), loop: loop) { [unowned self] in
                try accept($0, on: port)
            }
        }
    }

    /// Sends a message, or keeps it until the guest has connected.
    public func send(_ message: ControlMessage) throws {
        if let control { try control.send(message) } else { backlog.append(message) }
    }

    /// `exited` overtakes the output, which has other connections: it waits for the output's end.
    private func receive(_ message: ControlMessage) throws {
        guard case .exited = message else { return try onMessage(message) }
        exit = message
        try outputEnded()
    }

    private func close(_ error: StreamError?) throws {
        guard !isClosed else { return }
        isClosed = true
        try onClose(error)
    }

    /// Nobody will send any more: calls `body` when everything that has arrived is read and written.
    public func drain(_ body: @escaping () -> Void) {
        // A round of the loop accepts the connections that wait.
        loop.after(milliseconds: 1) { [unowned self] in
            listeners = [:]
            onDrained = body
            try outputEnded()
        }
    }

    private func outputEnded() throws {
        let running = [StreamPort.stdout, .stderr].contains { port in
            listeners[port] != nil || pumps[port].map { $0.outcome == nil } ?? false
        }
        if running { return }
        if let exit {
            self.exit = nil
            try onMessage(exit)
        }
        if control?.isOpen != true { onDrained?() }
    }

    private func accept(_ connection: Descriptor, on port: StreamPort) throws {
        // One guest connects once.
        listeners[port] = nil
        if port == .control {
            let control = try ControlConnection(
                connection, loop: loop, onMessage: { [unowned self] in try receive($0) },
                onClose: { [unowned self] in
                    try close($0)
                    try outputEnded()
                })
            self.control = control
            for message in backlog { try control.send(message) }
            backlog = []
        } else if let file = files.removeValue(forKey: port) {
            let guest = try Pump.End.own(connection)
            pumps[port] =
                port == .stdin
                ? Pump(.toFrames, from: file, to: guest, loop: loop) { _ in }
                : Pump(.fromFrames, from: guest, to: file, loop: loop) { [unowned self] in
                    if case .lost(let error) = $0 { try close(error) }
                    try outputEnded()
                }
        }
    }
}
