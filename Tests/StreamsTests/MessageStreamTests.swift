import Glibc
import Linux
import Testing

@testable import Streams

@Suite(.timeLimit(.minutes(1))) struct MessageStreamTests {
    private let loop = EventLoop()

    /// What a stream makes of bytes, up to its end.
    private func events(of bytes: [UInt8], _ kind: MessageStream.Kind) throws -> [MessageStream.Event] {
        let (near, far) = try socketPair()
        var all: [MessageStream.Event] = []
        let stream = try MessageStream(near, kind, loop: loop)
        stream.onEvent = { event in
            all.append(event)
            if event == .closed || kind == .tcp && event == .ended { self.loop.stop() }
        }
        try far.writeAll(bytes)
        shutdown(far.raw, CInt(SHUT_WR))
        try withExtendedLifetime(stream) { try loop.run() }
        return all
    }

    @Test("messages follow each other, each after its length in network order")
    func framing() throws {
        let long = noise(300)
        #expect(
            try events(of: [0, 2, 7, 8, 1, 44] + long, .tcp) == [.message([7, 8]), .message(long), .ended])
        #expect(try events(of: [], .tcp) == [.ended])
    }

    @Test("a tunnel ends by an empty message; its loss is no end")
    func tunnel() throws {
        #expect(try events(of: [0, 1, 9, 0, 0], .tunnel) == [.message([9]), .ended, .closed])
        #expect(try events(of: [0, 1, 9], .tunnel) == [.message([9]), .closed])
    }

    @Test("what is cut off, empty or after the end closes the connection")
    func malformed() throws {
        #expect(try events(of: [0, 3, 1, 2], .tcp) == [.closed])
        #expect(try events(of: [0], .tcp) == [.closed])
        #expect(try events(of: [0, 0, 0, 1, 5], .tcp) == [.closed])
        #expect(try events(of: [0, 0, 0, 1, 5], .tunnel) == [.closed])
    }

    @Test("the longest messages pass through small buffers, with backlog, pause and end")
    func long() throws {
        let (near, far) = try socketPair()
        var size: CInt = 4096
        setsockopt(near.raw, SOL_SOCKET, SO_SNDBUF, &size, 4)
        let messages = (0..<4).map { _ in noise(65535) }
        let sender = try MessageStream(near, .tunnel, loop: loop)
        let receiver = try MessageStream(far, .tunnel, loop: loop)
        var received: [[UInt8]] = []
        var drained = 0
        sender.onEvent = { if $0 == .drained { drained += 1 } }
        receiver.onEvent = { event in
            if case .message(let message) = event { received.append(message) }
            if event == .ended { self.loop.stop() }
        }
        receiver.isPaused = true
        for message in messages { sender.send(message) }
        sender.send([])
        sender.send([UInt8](repeating: 0, count: 65536))
        sender.finish()
        sender.send([1])
        #expect(sender.isBacklogged && !sender.isDrained)
        loop.after(milliseconds: 20) {
            #expect(received.isEmpty)
            receiver.isPaused = false
        }
        try loop.run()
        #expect(received == messages)
        #expect(drained == 1)
        #expect(sender.isDrained && !sender.isBacklogged)
    }

    @Test("a request names a transport and a server of the list, and nothing else is one")
    func requests() {
        #expect(DNSRequest([1, 0], servers: 1) == DNSRequest(.udp, server: 0))
        #expect(DNSRequest([2, 1], servers: 2) == DNSRequest(.tcp, server: 1))
        #expect(DNSRequest(.tcp, server: 3).message == [2, 3])
        for wrong: [UInt8] in [[], [1], [0, 0], [3, 0], [1, 2], [1, 255], [1, 0, 0], [1, 8, 8, 8, 8]] {
            #expect(DNSRequest(wrong, servers: 2) == nil)
        }
    }
}
