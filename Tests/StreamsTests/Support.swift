import Glibc
import Linux
import Testing

@testable import Streams

/// Two connected Unix sockets.
func socketPair() throws -> (Descriptor, Descriptor) {
    var ends: [CInt] = [0, 0]
    try checked("socketpair", on: "test") { Int(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends)) }
    return (Descriptor(owning: ends[0], name: "left"), Descriptor(owning: ends[1], name: "right"))
}

/// Writes bytes as fast as the reader takes them, then closes its end.
final class Feeder {
    private var rest: ArraySlice<UInt8>
    private var descriptor: Descriptor?
    private var watch: EventLoop.Watch?
    private(set) var error: Errno?

    init(_ bytes: [UInt8], to descriptor: Descriptor, loop: EventLoop) throws {
        rest = bytes[...]
        self.descriptor = descriptor
        try descriptor.setNonBlocking()
        let raw = descriptor.raw
        watch = loop.watch(raw, .write) { [unowned self] _ in
            if rest.isEmpty { return close() }
            let count = rest.withUnsafeBytes { write(raw, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EAGAIN {
                error = .current
                close()
            }
        }
    }

    var unwritten: Int { rest.count }

    private func close() {
        watch?.cancel()
        descriptor = nil
    }
}

/// Reads to the end, at most `portion` bytes per `pause` milliseconds.
final class Collector {
    private(set) var bytes: [UInt8] = []
    private(set) var ended = false
    private var watch: EventLoop.Watch?

    init(
        _ descriptor: Descriptor, portion: Int = 65536, pause: Int? = nil, loop: EventLoop, onEnd: @escaping () -> Void
    ) {
        var buffer = [UInt8](repeating: 0, count: portion)
        watch = loop.watch(descriptor.raw, .read) { [unowned self] _ in
            let count = read(descriptor.raw, &buffer, portion)
            if count > 0 {
                bytes += buffer[..<count]
                if let pause {
                    watch?.interest = nil
                    loop.after(milliseconds: pause) { [unowned self] in if !ended { watch?.interest = .read } }
                }
            } else if count == 0 || errno != EAGAIN {
                ended = true
                watch?.cancel()
                onEnd()
            }
        }
    }
}

/// Bytes of every value, that no repetition hides.
func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

func connectUnix(_ path: String) throws -> Descriptor {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    let descriptor = Descriptor(owning: raw, name: path)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    try checked("connect", on: path) {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Int(connect(raw, $0, size)) }
        }
    }
    return descriptor
}

/// A pump from a new pipe into frames, and the pipe's other end.
func pumpFromPipe(
    to socket: Descriptor, shared: Bool = false, loop: EventLoop, onEnd: @escaping (Pump.Outcome) throws -> Void
) throws -> (Pump, Descriptor) {
    let (reading, writing) = try Descriptor.pipe(name: "input")
    let source = shared ? Pump.End.shared(reading) : try .own(reading)
    return (Pump(.toFrames, from: source, to: try .own(socket), loop: loop, onEnd: onEnd), writing)
}

/// A pump from frames into a new pipe, and the pipe's other end.
func pumpToPipe(
    from socket: Descriptor, shared: Bool = false, loop: EventLoop, onEnd: @escaping (Pump.Outcome) throws -> Void
) throws -> (Pump, Descriptor) {
    let (reading, writing) = try Descriptor.pipe(name: "output")
    let destination = shared ? Pump.End.shared(writing) : try .own(writing)
    return (Pump(.fromFrames, from: try .own(socket), to: destination, loop: loop, onEnd: onEnd), reading)
}

func openTerminal() throws -> (Descriptor?, Descriptor?) {
    let pair = try Terminal.open()
    return (pair.controller, pair.terminal)
}
