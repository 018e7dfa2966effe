import CLinux
import Glibc
import Linux

/// The guest's side: stands at the addresses of the name servers, by UDP and by TCP, and asks the host.
public final class GuestDNSRelay {
    private let loop: EventLoop
    private let sessions: DNSSessions
    private let connect: () throws -> Descriptor
    private var sockets: [Descriptor] = []
    private var watches: [EventLoop.Watch] = []
    private var buffer = [UInt8](repeating: 0, count: MessageStream.longest)

    /// `servers` are addresses of 4 or 16 bytes in the document's order. `connect` begins a connection to the host's
    /// `StreamPort.dns`, without waiting for it. An address that cannot be had is told to `report`, by its place
    /// in the list, and the others serve.
    public init(
        servers: [[UInt8]], port: UInt16, patience: Int = DNSRelay.patience, loop: EventLoop,
        connect: @escaping () throws -> Descriptor, report: (Int, Errno) -> Void
    ) {
        self.loop = loop
        self.connect = connect
        sessions = DNSSessions(loop: loop, patience: patience)
        for (server, address) in servers.enumerated() {
            for type in [SOCK_DGRAM, SOCK_STREAM] {
                let raw = linux_inet_bind(CInt(type.rawValue), address, CInt(address.count), port)
                guard raw >= 0 else {
                    report(server, Errno(-raw))
                    continue
                }
                listen(Descriptor(owning: raw, name: "name server"), type, server)
            }
        }
    }

    deinit { for watch in watches { watch.cancel() } }

    private func listen(_ socket: Descriptor, _ type: __socket_type, _ server: Int) {
        sockets.append(socket)
        watches.append(
            loop.watch(socket.raw, .read) { [unowned self] _ in
                if type == SOCK_DGRAM { receive(on: socket, server) } else { accept(on: socket, server) }
            })
    }

    private func receive(on socket: Descriptor, _ server: Int) {
        var client = [UInt8](repeating: 0, count: 28)  // struct sockaddr_in6, the longer one
        var length = socklen_t(client.count)
        let count = client.withUnsafeMutableBytes {
            recvfrom(
                socket.raw, &buffer, buffer.count, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard count >= DNSRelay.shortestMessage, !sessions.isFull, let tunnel = openTunnel(.udp, server) else { return }
        tunnel.send([UInt8](buffer[..<count]))
        sessions.add(GuestDatagramSession(tunnel, socket, client: [UInt8](client.prefix(Int(length))), in: sessions))
    }

    private func accept(on socket: Descriptor, _ server: Int) {
        let raw = linux_accept(socket.raw)
        guard raw >= 0 else { return }
        let client = Descriptor(owning: raw, name: "client of \(socket.name)")
        guard !sessions.isFull, let tcp = try? MessageStream(client, .tcp, loop: loop),
            let tunnel = openTunnel(.tcp, server)
        else { return }
        sessions.add(DNSStreamSession(tunnel, tcp, closesFirst: true, in: sessions))
    }

    /// nil where the host is not there: to a client that is a server that does not answer.
    private func openTunnel(_ transport: DNSRequest.Transport, _ server: Int) -> MessageStream? {
        guard let socket = try? connect(),
            let tunnel = try? MessageStream(socket, .tunnel, connecting: true, loop: loop)
        else { return nil }
        tunnel.send(DNSRequest(transport, server: server).message)
        return tunnel
    }
}

/// One query by UDP, and where its answer goes.
private final class GuestDatagramSession: DNSSession {
    private let tunnel: MessageStream
    private let socket: Descriptor
    private let client: [UInt8]
    private unowned let sessions: DNSSessions

    init(_ tunnel: MessageStream, _ socket: Descriptor, client: [UInt8], in sessions: DNSSessions) {
        self.tunnel = tunnel
        self.socket = socket
        self.client = client
        self.sessions = sessions
        tunnel.onEvent = { [unowned self] in take($0) }
    }

    func close() { tunnel.close() }

    private func take(_ event: MessageStream.Event) {
        if case .message(let answer) = event {
            // A client that is gone, or a full socket, is a datagram lost: DNS asks again.
            _ = client.withUnsafeBytes { client in
                answer.withUnsafeBytes {
                    sendto(
                        socket.raw, $0.baseAddress, $0.count, 0,
                        client.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(client.count))
                }
            }
        }
        if event != .drained { sessions.end(self) }
    }
}
