import Glibc
import Linux
import Testing

@testable import Streams

/// A stream from a pipe, through frames over a socket pair, to a pipe: both ends of a pump in one loop.
final class Line {
    let loop: EventLoop
    let feeder: Feeder
    let collector: Collector
    private(set) var outcomes: [Pump.Outcome] = []
    private var pumps: [Pump] = []

    init(_ bytes: [UInt8], loop: EventLoop, shared: Bool = false, portion: Int = 65536, pause: Int? = nil) throws {
        self.loop = loop
        let (left, right) = try socketPair()
        var note: (Pump.Outcome) -> Void = { _ in }
        let (first, writing) = try pumpFromPipe(to: left, shared: shared, loop: loop) { note($0) }
        let (second, reading) = try pumpToPipe(from: right, shared: shared, loop: loop) { note($0) }
        feeder = try Feeder(bytes, to: writing, loop: loop)
        collector = Collector(reading, portion: portion, pause: pause, loop: loop) {}
        pumps = [first, second]
        note = { [unowned self] in
            outcomes.append($0)
            if outcomes.count == 2 { pumps = [] }  // a shared destination closes with its pump
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct PumpTests {
    @Test("10 MB arrive unchanged, both ways at once", arguments: [false, true])
    func bulk(shared: Bool) throws {
        let loop = EventLoop()
        let bytes = noise(10_000_000)
        let there = try Line(bytes, loop: loop, shared: shared)
        let back = try Line(bytes.reversed(), loop: loop, shared: shared)
        try loop.run()
        #expect(there.collector.bytes == bytes)
        #expect(back.collector.bytes == bytes.reversed())
        #expect(there.outcomes == [.ended, .ended])
        #expect(there.collector.ended)
    }

    @Test("a slow reader slows the writer down and loses nothing")
    func slowReader() throws {
        let loop = EventLoop()
        let bytes = noise(3_000_000)
        let line = try Line(bytes, loop: loop, portion: 20000, pause: 1)
        var unwritten = 0
        loop.after(milliseconds: 40) { unwritten = line.feeder.unwritten }
        try loop.run()
        #expect(line.collector.bytes == bytes)
        #expect(unwritten > 1_000_000)
    }

    @Test("a source whose writer stays ends with what is there, when it is told so")
    func toldEnd() throws {
        let loop = EventLoop()
        let bytes = noise(60_000)
        let (left, right) = try socketPair()
        let (source, writing) = try Descriptor.pipe(name: "source")
        try writing.writeAll(bytes)
        var outcomes: [Pump.Outcome] = []
        let pump = Pump(.toFrames, from: try .own(source), to: try .own(left), loop: loop) { outcomes.append($0) }
        let (other, reading) = try pumpToPipe(from: right, shared: false, loop: loop) { outcomes.append($0) }
        let collector = Collector(reading, loop: loop) {}
        try pump.endWithWhatIsThere()
        try loop.run()
        #expect(collector.bytes == bytes && collector.ended)
        #expect(outcomes == [.ended, .ended])
        #expect(other.outcome == .ended && writing.raw >= 0)
    }

    @Test("an empty input is an empty output")
    func empty() throws {
        let loop = EventLoop()
        let line = try Line([], loop: loop)
        try loop.run()
        #expect(line.collector.ended)
        #expect(line.collector.bytes.isEmpty)
        #expect(line.outcomes == [.ended, .ended])
    }

    @Test("a reader that goes away is a broken pipe for the writer at the far end")
    func brokenPipe() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        var outcomes: [Pump.Outcome] = []
        let (first, writing) = try pumpFromPipe(to: left, loop: loop) { outcomes.append($0) }
        var (second, reading): (Pump, Descriptor?) = try pumpToPipe(from: right, loop: loop) { outcomes.append($0) }
        let feeder = try Feeder(noise(5_000_000), to: writing, loop: loop)
        loop.after(milliseconds: 20) {
            #expect(reading != nil)
            reading = nil
        }
        try withExtendedLifetime((first, second)) { try loop.run() }
        #expect(outcomes == [.refused(.brokenPipe), .refused(.brokenPipe)])
        #expect(feeder.error == .brokenPipe)
        #expect(feeder.unwritten > 0)
    }

    @Test("a connection that ends without the empty frame is lost, after its bytes are out")
    func lost() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        var outcome: Pump.Outcome?
        let (pump, reading) = try pumpToPipe(from: left, loop: loop) { outcome = $0 }
        let collector = Collector(reading, loop: loop) {}
        try right.writeAll([0, 0, 0, 9, 1, 2, 3])
        shutdown(right.raw, CInt(SHUT_WR))
        try withExtendedLifetime(pump) { try loop.run() }
        #expect(outcome == .lost(.lost))
        #expect(collector.bytes == [1, 2, 3])
    }

    @Test("a frame that is too long ends the pump")
    func malformed() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        var outcome: Pump.Outcome?
        let (pump, reading) = try pumpToPipe(from: left, loop: loop) { outcome = $0 }
        try right.writeAll([1, 0, 0, 0])
        try withExtendedLifetime((pump, reading)) { try loop.run() }
        #expect(outcome == .lost(.frameTooLong(1 << 24)))
    }

    @Test("regular files and /dev/null work as ends", arguments: ["/dev/null", "/proc/self/maps"])
    func files(source: String) throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        let path = "/tmp/runcvm-pump-\(getpid())-\(source.count)"
        defer { unlink(path) }
        let output = try Descriptor(opening: path, O_CREAT | O_RDWR)
        let null = try Descriptor(opening: source, O_RDONLY)
        var outcomes: [Pump.Outcome] = []
        let pumps = [
            Pump(.toFrames, from: .shared(null), to: try .own(left), loop: loop) { outcomes.append($0) },
            Pump(.fromFrames, from: try .own(right), to: .shared(output), loop: loop) { outcomes.append($0) },
        ]
        try withExtendedLifetime(pumps) { try loop.run() }
        #expect(outcomes == [.ended, .ended])
        #expect(try Files.read(path).isEmpty == (source == "/dev/null"))
    }

    @Test("a terminal that hangs up is the end of the input")
    func terminal() throws {
        let loop = EventLoop()
        var (controller, terminal) = try openTerminal()
        let (left, right) = try socketPair()
        var outcomes: [Pump.Outcome] = []
        let (pump, reading) = try pumpToPipe(from: right, loop: loop) { outcomes.append($0) }
        let collector = Collector(reading, loop: loop) {}
        let pumps = [
            pump,
            Pump(.toFrames, from: .shared(try #require(terminal)), to: try .own(left), loop: loop) {
                outcomes.append($0)
            },
        ]
        try controller?.writeAll(Array("hello\n".utf8))
        terminal = nil
        loop.after(milliseconds: 20) { controller = nil }
        try withExtendedLifetime(pumps) { try loop.run() }
        #expect(outcomes == [.ended, .ended])
        #expect(collector.bytes == Array("hello\n".utf8))
    }

    @Test("a pump that can do nothing sleeps")
    func idle() throws {
        let loop = EventLoop()
        let (left, right) = try socketPair()
        // The other end never reads, and has hung up half-way: the buffer and the socket fill up.
        shutdown(right.raw, CInt(SHUT_WR))
        let (pump, writing) = try pumpFromPipe(to: left, loop: loop) { _ in }
        let feeder = try Feeder(noise(1_000_000), to: writing, loop: loop)
        var busy = 0
        loop.after(milliseconds: 50) { busy = loop.turns }
        loop.after(milliseconds: 150) { loop.stop() }
        try withExtendedLifetime((pump, feeder, right)) { try loop.run() }
        #expect(loop.turns - busy <= 2)
        #expect(pump.outcome == nil)
    }
}
