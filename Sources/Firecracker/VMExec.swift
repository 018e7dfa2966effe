import Glibc
import Linux
import OCI
import Plan
import Streams

/// vm-exec: runs a process in a VM beside its own one, with our stdin, stdout, stderr or terminal, and its exit status.
///
/// The streams go by an SSH session of OpenSSH's client; the request, signals and the status by a connection of their own
/// (ExecRequest), so that a status of 255 is never taken for a lost connection.
public final class VMExec {
    /// How long the guest may take to boot and listen, in seconds.
    private static let bootPatience = 60
    /// How long the other connection may take to end after one has, in milliseconds.
    private static let patience = 5_000

    private let machine: Machine
    private let process: OCIProcess
    private let inSidecar: Bool
    private let access: SidecarAccess
    private let loop = EventLoop()
    private var control: ControlConnection?
    private var client: pid_t = 0
    private var clientStatus: Int?
    private var result: ControlMessage?

    /// `inSidecar`: beside the image, in the sidecar's own root.
    public init(
        _ machine: Machine, process: OCIProcess, inSidecar: Bool = false, installation: Installation
    ) throws {
        self.machine = machine
        self.process = process
        self.inSidecar = inSidecar
        access = SidecarAccess(directory: machine.directory, installation: installation)
    }

    /// Returns the process's exit status: 0…255, 128+n for signal n; 126 or 127 where it cannot be executed or found.
    public func run() throws -> Int {
        try loop.watchSignals { [unowned self] in try handle(signal: $0, isSent: $1) }
        let connection = try VsockConnection.open(machine.vsock, port: .exec, patience: Self.bootPatience)
        let request = ExecRequest(
            process: process, hasInput: process.terminal == true || !Descriptor.isNull(0), inSidecar: inSidecar)
        control = try ControlConnection(
            connection, preface: try request.encoded(), loop: loop, onMessage: { [unowned self] in try handle($0) },
            onClose: { [unowned self] _ in end() })
        try loop.run()
        if client > 0, clientStatus == nil { kill(client, SIGKILL) }
        switch result {
        case .exited(let status): return status
        case .failed(let message, let status):
            VirtualMachine.report(message)
            return status
        default: throw Failure(.machine, "the connection to the VM was lost before the process ended")
        }
    }

    private func handle(_ message: ControlMessage) throws {
        switch message {
        case .ready(let id):
            guard client == 0 else { return }
            client = try access.client(
                vsock: machine.vsock, terminal: process.terminal == true, command: "guest-session \(id)"
            )
            .start(redirecting: [])
        case .exited, .failed:
            result = message
            // The client ends when it has written all output.
            try control?.send(.finish)
            if clientStatus != nil { loop.stop() }
        default: break
        }
    }

    private static let own: Set<CInt> = [SIGWINCH, SIGPIPE, SIGTTIN, SIGTTOU, SIGIO]

    private func handle(signal number: CInt, isSent: Bool) throws {
        switch number {
        case SIGCHLD:
            var status: CInt = 0
            guard client > 0, waitpid(client, &status, WNOHANG) == client else { return }
            clientStatus = Int(status)
            if result == nil { end() } else { loop.stop() }
        // About our own terminal, which the client looks after.
        case _ where !isSent && Self.own.contains(number): break
        default: try control?.send(.signal(number: Int(number)))
        }
    }

    /// One of the two connections has ended: the other tells the rest, or nothing more.
    private func end() {
        if clientStatus != nil, control?.isOpen != true { return loop.stop() }
        if result != nil, clientStatus == nil { return }
        loop.after(milliseconds: Self.patience) { [unowned self] in loop.stop() }
    }
}
