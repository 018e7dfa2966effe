import Glibc
import Linux
import Testing

@testable import Streams

/// The far ends of the host's stdin, stdout and stderr.
final class HostEnds {
    let out: Collector
    let err: Collector
    private let feeder: Feeder
    private let vsock: String
    private let loop: EventLoop
    private var files: [StreamPort: Pump.End]

    init(vsock: String, input bytes: [UInt8], loop: EventLoop) throws {
        let (input, output, errors) = (
            try Descriptor.pipe(name: "stdin"), try Descriptor.pipe(name: "stdout"), try Descriptor.pipe(name: "stderr")
        )
        feeder = try Feeder(bytes, to: input.writing, loop: loop)
        out = Collector(output.reading, loop: loop) {}
        err = Collector(errors.reading, loop: loop) {}
        files = [.stdin: .shared(input.reading), .stdout: .shared(output.writing), .stderr: .shared(errors.writing)]
        self.vsock = vsock
        self.loop = loop
    }

    func host(onMessage: @escaping (ControlMessage) throws -> Void) throws -> HostStreams {
        defer { files = [:] }
        return try HostStreams(vsock: vsock, files: files, loop: loop, onMessage: onMessage, onClose: { _ in })
    }
}

@Suite(.timeLimit(.minutes(1))) struct HostStreamsTests {
    @Test("stdin reaches the guest; stdout, stderr and the status reach the host; the sockets' files go")
    func whole() throws {
        let loop = EventLoop()
        let vsock = "/tmp/runcvm-streams-\(getpid())"
        let ends = try HostEnds(vsock: vsock, input: noise(300_000), loop: loop)
        var heard: [ControlMessage] = []
        var host: HostStreams?
        host = try ends.host { message in
            heard.append(message)
            if case .exited = message { try host?.send(.finish) }
        }
        try host?.send(.signal(number: 10))

        // The guest: cat, and a word on stderr.
        var signals: [ControlMessage] = []
        var guestControl: ControlConnection?
        let guest = try StreamPort.needed(terminal: false).reduce(into: [StreamPort: Descriptor]()) {
            $0[$1] = try connectUnix($1.socket(of: vsock))
        }
        guestControl = try ControlConnection(
            try #require(guest[.control]), loop: loop,
            onMessage: { message in
                signals.append(message)
                if message == .finish {
                    guestControl?.close()
                    loop.after(milliseconds: 10) { loop.stop() }
                }
            }, onClose: { _ in })
        var (out, outWriting): (Pump, Descriptor?) = try pumpFromPipe(to: try #require(guest[.stdout]), loop: loop) {
            _ in
            try guestControl?.send(.exited(status: 7))
        }
        var (err, errWriting): (Pump, Descriptor?) = try pumpFromPipe(to: try #require(guest[.stderr]), loop: loop) {
            _ in
        }
        let cat = Pump(
            .fromFrames, from: try .own(try #require(guest[.stdin])), to: try .own(try #require(outWriting)), loop: loop
        ) { _ in }
        let word = try Feeder(Array("oops".utf8), to: try #require(errWriting), loop: loop)
        outWriting = nil
        errWriting = nil
        try withExtendedLifetime((out, err, cat, word)) { try loop.run() }

        #expect(heard == [.exited(status: 7)])
        #expect(signals == [.signal(number: 10), .finish])
        #expect(ends.out.bytes == noise(300_000))
        #expect(ends.err.bytes == Array("oops".utf8))
        host = nil
        for port in StreamPort.allCases { #expect(!Files.exists(port.socket(of: vsock))) }
    }

    @Test("what a guest had sent before it went is read to its end, and its status heard")
    func drained() throws {
        let loop = EventLoop()
        let vsock = "/tmp/runcvm-drained-\(getpid())"
        let ends = try HostEnds(vsock: vsock, input: [], loop: loop)
        var heard: [ControlMessage] = []
        let host = try ends.host { heard.append($0) }
        let output = noise(100_000)
        do {
            let stdout = try connectUnix(StreamPort.stdout.socket(of: vsock))
            let control = try connectUnix(StreamPort.control.socket(of: vsock))
            for start in stride(from: 0, to: output.count, by: 10_000) {
                try stdout.writeAll(try FrameEncoder.frame(Array(output[start..<start + 10_000])))
            }
            try stdout.writeAll(Frame.endOfStream)
            try control.writeAll(try FrameEncoder.frame(try ControlMessage.exited(status: 9).payload()))
        }
        host.drain { loop.after(milliseconds: 10) { loop.stop() } }
        try loop.run()
        #expect(heard == [.exited(status: 9)])
        #expect(ends.out.bytes == output)
    }

    @Test("a malformed message closes the control connection")
    func malformed() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        var error: StreamError?
        let control = try ControlConnection(left, loop: loop, onMessage: { _ in }, onClose: { error = $0 })
        try right.writeAll(try FrameEncoder.frame(Array("{".utf8)))
        try loop.run()
        #expect(error == .badMessage("not a message: {"))
        #expect(!control.isOpen)
    }

    @Test("an other end that goes away closes the control connection")
    func gone() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        var closed = 0
        let control = try ControlConnection(left, loop: loop, onMessage: { _ in }, onClose: { _ in closed += 1 })
        shutdown(right.raw, CInt(SHUT_RDWR))
        try loop.run()
        #expect(closed == 1)
        #expect(!control.isOpen)
    }
}
