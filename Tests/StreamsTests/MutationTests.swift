import Glibc
import Linux
import Mutation
import Testing

@testable import Streams

@Suite("wrong input: what the other end of a stream sends")
struct MutationTests {
    @Test("no frame, message or DNS request traps, hangs or eats memory")
    func parsers() async throws {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) { Mutation.run(Self.targets) }
        #expect(Mutation.faults(result.standardOutputContent, result.standardErrorContent) == "")
    }

    private static let messages: [ControlMessage] = [
        .signal(number: 15), .windowSize(rows: 24, columns: 80), .finish, .ready(id: "0123456789abcdef"),
        .started(pid: 42), .exited(status: 143), .failed(message: "exec: \"x\": not found", status: 127),
    ]
    private static let payloads = messages.compactMap { try? $0.payload() }
    private static let framed = payloads.compactMap { try? FrameEncoder.frame($0) }
    private static let stream = framed.flatMap { $0 } + Frame.endOfStream
    private static let query: [UInt8] =
        [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("outside".utf8) + [4] + Array("test".utf8) + [
            0, 0, 1, 0, 1,
        ]

    /// Gives `input` to what `body` makes of the other end of a socket, and runs the loop until both are done.
    private static func send(_ input: [UInt8], _ body: (Descriptor, EventLoop) throws -> AnyObject) throws {
        let loop = EventLoop()
        let (feeder, socket) = try feed(input, loop)
        let reader = try body(socket, loop)
        loop.after(milliseconds: 20_000) { throw Fault("the loop does not end") }
        try loop.run()
        withExtendedLifetime((feeder, reader)) {}
    }

    /// The only one who holds the feeder's end is the feeder, so that it closes it.
    private static func feed(_ input: [UInt8], _ loop: EventLoop) throws -> (Feeder, Descriptor) {
        let (left, right) = try socketPair()
        return (try Feeder(input, to: left, loop: loop), right)
    }

    private static let targets = [
        Target("frames", .bytes, 8000, seeds: framed + [stream]) { bytes in
            var (whole, cut) = (FrameDecoder(), FrameDecoder())
            let pieces = Result { try whole.decode(bytes[...]) }
            let half = bytes.count / 2
            let parts = Result { try cut.decode(bytes[..<half]) + cut.decode(bytes[half...]) }
            guard whole.ended == cut.ended, (try? payload(pieces.get())) == (try? payload(parts.get())) else {
                throw Fault("another stream when cut at \(half)")
            }
            _ = try pieces.get()
        },
        Target("control message", .json, 10000, seeds: payloads) { bytes in
            guard let message = try ControlMessage(payload: bytes) else { return }
            guard try ControlMessage(payload: message.payload()) == message else { throw Fault("not read again") }
        },
        Target("control connection", .bytes, 3000, seeds: [stream]) { bytes in
            try send(bytes) { socket, loop in
                try ControlConnection(socket, loop: loop, onMessage: { _ in }, onClose: { _ in loop.stop() })
            }
        },
        Target("name server's messages", .bytes, 3000, seeds: [[0, UInt8(query.count)] + query + [0, 0]]) { bytes in
            for kind in [MessageStream.Kind.tunnel, .tcp] {
                try send(bytes) { socket, loop in
                    let stream = try MessageStream(socket, kind, loop: loop)
                    stream.onEvent = { if $0 == .ended || $0 == .closed { loop.stop() } }
                    return stream
                }
            }
        },
        Target("DNS request", .bytes, 3000, seeds: [[1, 0], [2, 1]]) { bytes in
            guard let request = DNSRequest(bytes, servers: 2) else { return }
            guard request.message == bytes, request.server < 2 else { throw Fault("not read again") }
        },
    ]

    private static func payload(_ pieces: [FrameDecoder.Piece]) -> [UInt8] {
        pieces.flatMap { piece -> [UInt8] in if case .bytes(let part, _) = piece { Array(part) } else { [] } }
    }
}
