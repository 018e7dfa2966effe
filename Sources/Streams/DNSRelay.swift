import CLinux
import Glibc
import Linux

/// Name servers on loopback addresses of the container's namespace, asked from within the VM.
///
/// `GuestDNSRelay` listens at the same addresses in the guest. For each query by UDP, and for each client by TCP, it opens a
/// connection to `HostDNSRelay`, whose first message says what is wanted: a `DNSRequest`. DNS messages follow, as they are.
public enum DNSRelay {
    /// At the same time; a query beyond that is dropped, a client beyond that is closed.
    static let mostSessions = 64
    /// Without a message for so long, in milliseconds, a session ends.
    public static let patience = 10_000
    /// A header (RFC 1035 4.1.1).
    static let shortestMessage = 12
}

/// What a connection to the host is for: two bytes.
struct DNSRequest: Equatable {
    enum Transport: UInt8 { case udp = 1, tcp }

    var transport: Transport
    /// The server's place in the document's list. The guest names none but these.
    var server: Int

    init(_ transport: Transport, server: Int) {
        self.transport = transport
        self.server = server
    }

    /// nil for anything else, or a server that is not among so many.
    init?(_ message: [UInt8], servers: Int) {
        guard message.count == 2, let transport = Transport(rawValue: message[0]), Int(message[1]) < servers else {
            return nil
        }
        self.init(transport, server: Int(message[1]))
    }

    var message: [UInt8] { [transport.rawValue, UInt8(truncatingIfNeeded: server)] }
}

/// Conversations under way, not too many; each ends when nothing has been said for a while.
final class DNSSessions {
    private let loop: EventLoop
    private let patience: Int
    private var sessions: [ObjectIdentifier: any DNSSession] = [:]
    private var timers: [ObjectIdentifier: EventLoop.Timer] = [:]

    init(loop: EventLoop, patience: Int) {
        self.loop = loop
        self.patience = patience
    }

    deinit { for timer in timers.values { timer.cancel() } }

    var isFull: Bool { sessions.count >= DNSRelay.mostSessions }

    func add(_ session: any DNSSession) {
        sessions[ObjectIdentifier(session)] = session
        touch(session)
    }

    /// Something was said.
    func touch(_ session: any DNSSession) {
        let id = ObjectIdentifier(session)
        guard sessions[id] != nil else { return }
        timers[id]?.cancel()
        timers[id] = loop.after(milliseconds: patience) { [unowned self] in end(session) }
    }

    func end(_ session: any DNSSession) {
        let id = ObjectIdentifier(session)
        timers.removeValue(forKey: id)?.cancel()
        sessions.removeValue(forKey: id)
        session.close()
    }
}

protocol DNSSession: AnyObject {
    func close()
}

/// A client's or a server's TCP connection, and its tunnel.
final class DNSStreamSession: DNSSession {
    private let tunnel: MessageStream
    private let tcp: MessageStream
    private let closesFirst: Bool
    private unowned let sessions: DNSSessions

    /// `closesFirst`: the guest, which has then read everything; the host waits for that.
    init(_ tunnel: MessageStream, _ tcp: MessageStream, closesFirst: Bool, in sessions: DNSSessions) {
        self.tunnel = tunnel
        self.tcp = tcp
        self.closesFirst = closesFirst
        self.sessions = sessions
        tunnel.onEvent = { [unowned self] in take($0, from: self.tunnel, to: self.tcp) }
        tcp.onEvent = { [unowned self] in take($0, from: self.tcp, to: self.tunnel) }
    }

    func close() {
        tunnel.close()
        tcp.close()
    }

    private func take(_ event: MessageStream.Event, from: MessageStream, to: MessageStream) {
        sessions.touch(self)
        switch event {
        case .message(let message):
            to.send(message)
            from.isPaused = to.isBacklogged
        case .drained: to.isPaused = false
        case .ended: to.finish()
        case .closed: return sessions.end(self)
        }
        guard tunnel.hasEnded, tcp.hasEnded, tcp.isDrained else { return }
        if closesFirst { sessions.end(self) } else { tcp.close() }
    }
}
