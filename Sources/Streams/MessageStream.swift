import CLinux
import Glibc
import Linux

/// DNS messages over a stream socket, each after its length of two bytes in network order (RFC 1035 4.2.2).
///
/// Between guest and host a length of 0, which DNS has no use for, ends one direction: a vsock connection that is closed
/// early loses what its other end has not read yet.
final class MessageStream {
    enum Kind {
        /// Between guest and host.
        case tunnel
        /// A client or a server of DNS. Its FIN ends a direction.
        case tcp
    }

    enum Event: Equatable {
        /// Not empty.
        case message([UInt8])
        /// All that was given to `send` is in the kernel's hands.
        case drained
        /// The other end sends no more; it may still read.
        case ended
        /// The connection is gone, or the other end does not keep to the protocol. Nothing follows.
        case closed
    }

    static let longest = 65535
    /// A message's length, and a guest's bursts: see Pump.
    private static let headerSize = 2
    private static let burst = 16 << 10
    /// With more unsent bytes than that it wants no more.
    private static let enough = 128 << 10

    private let kind: Kind
    private var socket: Descriptor?
    private var watch: EventLoop.Watch?
    private var connecting: Bool
    private var received: [UInt8] = []
    private var unsent: [UInt8] = []
    private var finishing = false
    private(set) var hasEnded = false
    /// Nothing is read meanwhile.
    var isPaused = false { didSet { updateInterest() } }
    /// Must be set before the loop runs; it may close this stream.
    var onEvent: (Event) -> Void = { _ in }

    /// Takes the socket and makes it non-blocking. `connecting`: its connect(2) has begun only.
    init(_ socket: Descriptor, _ kind: Kind, connecting: Bool = false, loop: EventLoop) throws {
        try socket.setNonBlocking()
        self.socket = socket
        self.kind = kind
        self.connecting = connecting
        watch = loop.watch(socket.raw, connecting ? .write : .read) { [unowned self] in ready($0) }
    }

    deinit { watch?.cancel() }

    var isDrained: Bool { unsent.isEmpty }
    var isBacklogged: Bool { unsent.count > Self.enough }

    /// Queues a message of 1…65535 bytes. Nothing happens on a closed stream.
    func send(_ message: [UInt8]) {
        guard socket != nil, !finishing, (1...Self.longest).contains(message.count) else { return }
        unsent += [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
        flush()
    }

    /// Tells the other end that no more comes, after all that was sent.
    func finish() {
        guard socket != nil, !finishing else { return }
        if kind == .tunnel { unsent += [0, 0] }
        finishing = true
        flush()
    }

    func close() {
        watch?.cancel()
        socket = nil
        unsent = []
    }

    private func ready(_ events: EventLoop.Events) {
        guard let socket else { return }
        if connecting {
            guard linux_socket_error(socket.raw) == 0 else { return lose() }
            connecting = false
        }
        let isGone = !events.isDisjoint(with: .gone)
        if events.contains(.write) { flush() }
        if events.contains(.read) || isGone, !hasEnded || kind == .tunnel {
            receive()
        } else if isGone {
            lose()
        }
        updateInterest()
    }

    private func flush() {
        if connecting { return }
        let hadSome = !unsent.isEmpty
        while let socket, !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { write(socket.raw, $0.baseAddress, min($0.count, Self.burst)) }
            if count >= 0 {
                unsent.removeFirst(count)
            } else if Errno.current == .wouldBlock {
                break
            } else if Errno.current != .interrupted {
                return lose()
            }
        }
        guard let socket else { return }
        if unsent.isEmpty, finishing, kind == .tcp { shutdown(socket.raw, CInt(SHUT_WR)) }
        updateInterest()
        if hadSome, unsent.isEmpty { onEvent(.drained) }
    }

    private func receive() {
        guard let socket else { return }
        var buffer = [UInt8](repeating: 0, count: Self.burst)
        let count = read(socket.raw, &buffer, buffer.count)
        if count < 0, [.wouldBlock, .interrupted].contains(Errno.current) { return }
        if count > 0 {
            if hasEnded { return lose() }
            received += buffer[..<count]
            return decode()
        }
        // A message that is cut off is none, and a tunnel ends by its empty message.
        guard count == 0, kind == .tcp, received.isEmpty else { return lose() }
        hasEnded = true
        onEvent(.ended)
    }

    private func decode() {
        while socket != nil, received.count >= Self.headerSize {
            let length = Int(received[0]) << 8 | Int(received[1])
            if length == 0 {
                guard kind == .tunnel, received.count == Self.headerSize else { return lose() }
                received = []
                hasEnded = true
                return onEvent(.ended)
            }
            guard received.count >= Self.headerSize + length else { return }
            let message = [UInt8](received[Self.headerSize..<Self.headerSize + length])
            received.removeFirst(Self.headerSize + length)
            onEvent(.message(message))
        }
    }

    private func updateInterest() {
        guard socket != nil else { return }
        var interest: EventLoop.Events = []
        if connecting || !unsent.isEmpty { interest.insert(.write) }
        if !connecting, !isPaused, !hasEnded || kind == .tunnel { interest.insert(.read) }
        watch?.interest = interest
    }

    private func lose() {
        guard socket != nil else { return }
        close()
        onEvent(.closed)
    }
}
