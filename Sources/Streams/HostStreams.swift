import Glibc
import Linux

/// fc-boot's side: listens for the guest's connections, and pumps stdin, stdout and stderr.
///
/// Make it before Firecracker starts. `onMessage` gets what the guest says; `onClose` tells that the control connection
/// ended, which is normal only after `finish`.
public final class HostStreams {
    private let loop: EventLoop
    private var files: [StreamPort: Descriptor]
    private var listeners: [StreamPort: UnixListener] = [:]
    private var pumps: [StreamPort: Pump] = [:]
    private var control: ControlConnection?
    private var backlog: [ControlMessage] = []
    private let onMessage: (ControlMessage) throws -> Void
    private let onClose: (StreamError?) throws -> Void

    /// `files` are our own stdin, stdout and stderr (`Descriptor(owning: 0, …)`); without `.stderr` there is a terminal.
    /// They are shared with other processes and stay blocking.
    public init(
        vsock: String, files: [StreamPort: Descriptor], loop: EventLoop,
        onMessage: @escaping (ControlMessage) throws -> Void, onClose: @escaping (StreamError?) throws -> Void
    ) throws {
        self.loop = loop
        self.files = files
        self.onMessage = onMessage
        self.onClose = onClose
        for port in StreamPort.needed(terminal: files[.stderr] == nil) {
            listeners[port] = try UnixListener(port.socket(of: vsock), loop: loop) { [unowned self] in
                try accept($0, on: port)
            }
        }
    }

    /// Sends a message, or keeps it until the guest has connected.
    public func send(_ message: ControlMessage) throws {
        if let control { try control.send(message) } else { backlog.append(message) }
    }

    /// The guest's stdout and stderr have come to their end, or their readers are gone.
    public var outputHasEnded: Bool {
        [StreamPort.stdout, .stderr].allSatisfy { pumps[$0].map { $0.outcome != nil } ?? true }
    }

    private func accept(_ connection: Descriptor, on port: StreamPort) throws {
        // One guest connects once.
        listeners[port] = nil
        if port == .control {
            let control = try ControlConnection(connection, loop: loop, onMessage: onMessage, onClose: onClose)
            self.control = control
            for message in backlog { try control.send(message) }
            backlog = []
        } else if let file = files.removeValue(forKey: port) {
            let guest = try Pump.End.own(connection)
            pumps[port] =
                port == .stdin
                ? Pump(.toFrames, from: .shared(file), to: guest, loop: loop) { _ in }
                : Pump(.fromFrames, from: guest, to: .shared(file), loop: loop) { _ in }
        }
    }
}
