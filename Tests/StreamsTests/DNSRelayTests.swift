import CLinux
import Glibc
import Linux
import Testing

@testable import Streams

/// A name server that answers with the query and `suffix` behind it, by UDP and by TCP.
private final class EchoServer {
    private var sockets: [Descriptor] = []
    private var clients: [MessageStream] = []
    private var watches: [EventLoop.Watch] = []
    private(set) var queries = 0

    init(_ address: [UInt8], _ port: UInt16, suffix: [UInt8], silent: Bool = false, loop: EventLoop) throws {
        for type in [SOCK_DGRAM, SOCK_STREAM] {
            let socket = try bound(type, address, port)
            sockets.append(socket)
            watches.append(
                loop.watch(socket.raw, .read) { [unowned self] _ in
                    if type == SOCK_STREAM {
                        let client = Descriptor(
                            owning: try check(linux_accept(socket.raw), "accept", on: "test"), name: "c")
                        let stream = try MessageStream(client, .tcp, loop: loop)
                        clients.append(stream)
                        stream.onEvent = { [unowned self, unowned stream] event in
                            if case .message(let query) = event {
                                queries += 1
                                if !silent { stream.send(query + suffix) }
                            }
                            if event == .ended { stream.finish() }
                        }
                    } else if let (query, from) = receive(socket) {
                        queries += 1
                        if !silent { sendTo(socket, query + suffix, from) }
                    }
                })
        }
    }
}

private func bound(_ type: __socket_type, _ address: [UInt8], _ port: UInt16) throws -> Descriptor {
    let raw = linux_inet_bind(CInt(type.rawValue), address, CInt(address.count), port)
    return Descriptor(owning: try check(raw, "bind", on: "test"), name: "test")
}

private func connected(_ type: __socket_type, _ address: [UInt8], _ port: UInt16) throws -> Descriptor {
    let raw = linux_inet_connect(CInt(type.rawValue), address, CInt(address.count), port)
    return Descriptor(owning: try check(raw, "connect", on: "test"), name: "test")
}

private func boundPort(of socket: Descriptor) throws -> UInt16 {
    var (address, length) = ([UInt8](repeating: 0, count: 16), socklen_t(16))
    try address.withUnsafeMutableBytes { bytes in
        let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
        _ = try checked("getsockname", on: "test") { Int(getsockname(socket.raw, base, &length)) }
    }
    return UInt16(address[2]) << 8 | UInt16(address[3])
}

private func receive(_ socket: Descriptor) -> ([UInt8], [UInt8])? {
    var (buffer, from) = ([UInt8](repeating: 0, count: 65535), [UInt8](repeating: 0, count: 28))
    var length: socklen_t = 28
    let count = from.withUnsafeMutableBytes {
        recvfrom(socket.raw, &buffer, buffer.count, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return count < 0 ? nil : ([UInt8](buffer.prefix(count)), [UInt8](from.prefix(Int(length))))
}

private func sendTo(_ socket: Descriptor, _ bytes: [UInt8], _ address: [UInt8]) {
    _ = address.withUnsafeBytes {
        sendto(
            socket.raw, bytes, bytes.count, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
            socklen_t(address.count))
    }
}

/// Guest and host of the relay in one loop: clients ask 127.0.0.2 and 127.0.0.3, servers are at 127.0.1.2 and 127.0.1.3.
private final class Relay {
    let loop = EventLoop()
    let vsock: String
    let host: HostDNSRelay
    private(set) var guest: GuestDNSRelay?
    private(set) var connections = 0
    private(set) var reports: [Int] = []
    /// Free on every address. Taken by UDP for all of them, where the more particular address comes first (socket(7)).
    let port: UInt16
    private let reservation: Descriptor
    static let servers: [[UInt8]] = [[127, 0, 1, 2], [127, 0, 1, 3]]
    static let addresses: [[UInt8]] = [[127, 0, 0, 2], [127, 0, 0, 3]]

    init(patience: Int = 5000, addresses: [[UInt8]] = Relay.addresses) throws {
        reservation = try bound(SOCK_DGRAM, [0, 0, 0, 0], 0)
        let port = try boundPort(of: reservation)
        self.port = port
        let vsock = "/tmp/runcvm-dns-\(getpid())-\(port)"
        self.vsock = vsock
        host = try HostDNSRelay(vsock: vsock, servers: Self.servers, port: port, patience: patience, loop: loop)
        var reports: [Int] = []
        guest = GuestDNSRelay(
            servers: addresses, port: port, patience: patience, loop: loop,
            connect: { [unowned self] in
                connections += 1
                return try connectUnix(StreamPort.dns.socket(of: vsock))
            }, report: { server, _ in reports.append(server) })
        self.reports = reports
    }

    /// The loop keeps what its callbacks hold: they name it, not this, so that the socket's file goes with this.
    func run() throws { try loop.run() }

    /// The far end of a new connection to the host, as a guest has it.
    func connect() throws -> MessageStream {
        try MessageStream(try connectUnix(StreamPort.dns.socket(of: vsock)), .tunnel, loop: loop)
    }
}

private func query(_ number: Int, _ length: Int = 40) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 255)] + noise(length - 2)
}

@Suite(.timeLimit(.minutes(1))) struct DNSRelayTests {
    @Test("a query by UDP gets its server's answer, from the address that was asked")
    func datagram() throws {
        let relay = try Relay()
        let loop = relay.loop
        let servers = try (0...1).map { try EchoServer(Relay.servers[$0], relay.port, suffix: [UInt8($0)], loop: loop) }
        var answers: [[UInt8]] = []
        let clients = try Relay.addresses.map { try connected(SOCK_DGRAM, $0, relay.port) }
        let watches = clients.map { client in
            loop.watch(client.raw, .read) { _ in
                if let (answer, _) = receive(client) { answers.append(answer) }
                if answers.count == 3 { loop.stop() }
            }
        }
        try clients[0].writeAll(query(1))
        try clients[1].writeAll(query(2))
        try clients[0].writeAll(query(3, 60_000))
        try withExtendedLifetime((servers, watches)) { try relay.run() }
        #expect(Set(answers) == [query(1) + [0], query(2) + [1], query(3, 60_000) + [0]])
        #expect(relay.connections == 3)
    }

    @Test("a client by TCP asks as much as it likes, and half-closes")
    func stream() throws {
        let relay = try Relay()
        let loop = relay.loop
        let server = try EchoServer(Relay.servers[1], relay.port, suffix: noise(40_000), loop: loop)
        let client = try MessageStream(
            try connected(SOCK_STREAM, Relay.addresses[1], relay.port), .tcp, connecting: true, loop: loop)
        var answers: [[UInt8]] = []
        client.onEvent = { event in
            if case .message(let answer) = event { answers.append(answer) }
            if event == .ended || event == .closed { loop.stop() }
        }
        for number in 0..<30 { client.send(query(number, 20_000)) }
        client.finish()
        try withExtendedLifetime(server) { try relay.run() }
        #expect(answers == (0..<30).map { query($0, 20_000) + noise(40_000) })
        #expect(relay.connections == 1)
    }

    @Test("a server that is not there closes a TCP client, and leaves UDP without an answer")
    func refused() throws {
        let relay = try Relay()
        let loop = relay.loop
        let client = try MessageStream(
            try connected(SOCK_STREAM, Relay.addresses[0], relay.port), .tcp, connecting: true, loop: loop)
        var events: [MessageStream.Event] = []
        client.onEvent = { event in
            events.append(event)
            if event != .drained { loop.stop() }
        }
        client.send(query(1))
        let datagrams = try connected(SOCK_DGRAM, Relay.addresses[0], relay.port)
        try datagrams.writeAll(query(2))
        try relay.run()
        #expect(events.last == .ended || events.last == .closed)
        #expect(receive(datagrams) == nil)
    }

    @Test(
        "what asks for no server of the list is closed, and nobody is asked",
        arguments: [[], [1, 2], [9, 0], [1, 0, 53]])
    func openResolver(request: [UInt8]) throws {
        let relay = try Relay()
        let loop = relay.loop
        let server = try EchoServer(Relay.servers[0], relay.port, suffix: [], loop: loop)
        let guest = try relay.connect()
        guest.onEvent = { if $0 == .closed { loop.stop() } }
        if request.isEmpty { guest.finish() } else { guest.send(request) }
        guest.send(query(1))
        try relay.run()
        #expect(server.queries == 0)
    }

    @Test("of many queries so many are asked at once, the rest is dropped, and time makes room again")
    func limits() throws {
        let relay = try Relay(patience: 300)
        let loop = relay.loop
        let server = try EchoServer(Relay.servers[0], relay.port, suffix: [], silent: true, loop: loop)
        let clients = try (0..<100).map { number in
            let client = try connected(SOCK_DGRAM, Relay.addresses[0], relay.port)
            try client.writeAll(query(number))
            return client
        }
        loop.after(milliseconds: 200) { #expect(server.queries == DNSRelay.mostSessions) }
        loop.after(milliseconds: 600) { try clients[0].writeAll(query(1)) }
        loop.after(milliseconds: 800) { loop.stop() }
        try relay.run()
        #expect(server.queries == DNSRelay.mostSessions + 1)
        #expect(relay.connections == DNSRelay.mostSessions + 1)
    }

    @Test("the host takes so many connections, however the guest makes them")
    func hostLimit() throws {
        let relay = try Relay(patience: 300)
        let loop = relay.loop
        var closed = 0
        let guests = try (0..<80).map { _ in
            let guest = try relay.connect()
            guest.onEvent = { if $0 == .closed { closed += 1 } }
            return guest
        }
        loop.after(milliseconds: 150) { #expect(closed == 80 - DNSRelay.mostSessions) }
        loop.after(milliseconds: 600) { loop.stop() }
        try withExtendedLifetime(guests) { try relay.run() }
        #expect(closed == 80)
    }

    @Test("an address that is no longer free is reported, and the others serve")
    func taken() throws {
        let relay = try Relay(addresses: [[192, 0, 2, 1], [127, 0, 0, 3]])
        let loop = relay.loop
        #expect(relay.reports == [0, 0])
        let server = try EchoServer(Relay.servers[1], relay.port, suffix: [7], loop: loop)
        let client = try connected(SOCK_DGRAM, [127, 0, 0, 3], relay.port)
        var answer: [UInt8] = []
        let watch = loop.watch(client.raw, .read) { _ in
            answer = receive(client)?.0 ?? []
            loop.stop()
        }
        try client.writeAll(query(1))
        try withExtendedLifetime((server, watch)) { try relay.run() }
        #expect(answer == query(1) + [7])
    }

    @Test("a server that shares its port with others gets it on all addresses")
    func portShared() throws {
        let relay = try Relay()
        for type in [SOCK_DGRAM, SOCK_STREAM] { _ = try bound(type, [0, 0, 0, 0], relay.port) }
        _ = relay
    }
}
