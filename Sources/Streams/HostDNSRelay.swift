import CLinux
import Glibc
import Linux

/// fc-boot's side: asks the real servers, and none but those of its list.
public final class HostDNSRelay {
    fileprivate let servers: [[UInt8]]
    private let port: UInt16
    private let loop: EventLoop
    fileprivate let sessions: DNSSessions
    private var listener: UnixListener?

    /// Listens at `vsock`'s socket for the guest's connections. `servers` are addresses of 4 or 16 bytes in the document's
    /// order, asked at `port`. `patience` is in milliseconds.
    public init(
        vsock: String, servers: [[UInt8]], port: UInt16 = 53, patience: Int = DNSRelay.patience, loop: EventLoop
    ) throws {
        self.servers = servers
        self.port = port
        self.loop = loop
        sessions = DNSSessions(loop: loop, patience: patience)
        listener = try UnixListener(StreamPort.dns.socket(of: vsock), loop: loop) { [unowned self] in
            try accept($0)
        }
    }

    private func accept(_ connection: Descriptor) throws {
        // Closing it is the answer.
        guard !sessions.isFull else { return }
        sessions.add(Greeting(try MessageStream(connection, .tunnel, loop: loop), self))
    }

    fileprivate func begin(_ request: DNSRequest, _ tunnel: MessageStream) {
        let address = servers[request.server]
        do {
            switch request.transport {
            case .udp: sessions.add(DatagramSession(tunnel, try open(SOCK_DGRAM, address), loop, in: sessions))
            case .tcp:
                let tcp = try MessageStream(try open(SOCK_STREAM, address), .tcp, connecting: true, loop: loop)
                sessions.add(DNSStreamSession(tunnel, tcp, closesFirst: false, in: sessions))
            }
        } catch {
            // The guest's client hears what it would hear from a server that is not there.
            tunnel.close()
        }
    }

    private func open(_ type: __socket_type, _ address: [UInt8]) throws -> Descriptor {
        let raw = linux_inet_connect(CInt(type.rawValue), address, CInt(address.count), port)
        return Descriptor(owning: try check(raw, "connect", on: "name server"), name: "name server")
    }
}

/// Waits for the first message, which says what the connection is for.
private final class Greeting: DNSSession {
    private var tunnel: MessageStream?
    private unowned let relay: HostDNSRelay

    init(_ tunnel: MessageStream, _ relay: HostDNSRelay) {
        self.tunnel = tunnel
        self.relay = relay
        tunnel.onEvent = { [unowned self] in take($0) }
    }

    func close() { tunnel?.close() }

    private func take(_ event: MessageStream.Event) {
        guard let tunnel, case .message(let message) = event else { return relay.sessions.end(self) }
        guard let request = DNSRequest(message, servers: relay.servers.count) else { return relay.sessions.end(self) }
        self.tunnel = nil
        relay.sessions.end(self)
        relay.begin(request, tunnel)
    }
}

/// One query by UDP, and its answer. A truncated one is passed on: the client then asks by TCP.
private final class DatagramSession: DNSSession {
    private let tunnel: MessageStream
    private let socket: Descriptor
    private let loop: EventLoop
    private var watch: EventLoop.Watch?
    private unowned let sessions: DNSSessions

    init(_ tunnel: MessageStream, _ socket: Descriptor, _ loop: EventLoop, in sessions: DNSSessions) {
        self.tunnel = tunnel
        self.socket = socket
        self.loop = loop
        self.sessions = sessions
        tunnel.onEvent = { [unowned self] in take($0) }
    }

    func close() {
        watch?.cancel()
        tunnel.close()
    }

    private func take(_ event: MessageStream.Event) {
        switch event {
        case .message(let query): ask(query)
        case .drained: break
        // The guest has its answer, or waits no more.
        case .ended, .closed: sessions.end(self)
        }
    }

    private func ask(_ query: [UInt8]) {
        guard watch == nil else { return }
        // The socket is connected: the kernel takes answers from that server only.
        watch = loop.watch(socket.raw, .read) { [unowned self] _ in answer() }
        if query.withUnsafeBytes({ Glibc.send(socket.raw, $0.baseAddress, $0.count, 0) }) < 0 { sessions.end(self) }
    }

    private func answer() {
        var buffer = [UInt8](repeating: 0, count: MessageStream.longest)
        let count = recv(socket.raw, &buffer, buffer.count, 0)
        if count < 0, [.wouldBlock, .interrupted].contains(Errno.current) { return }
        // ECONNREFUSED: nothing listens there.
        guard count >= DNSRelay.shortestMessage else { return sessions.end(self) }
        watch?.interest = nil
        tunnel.send([UInt8](buffer[..<count]))
    }
}
