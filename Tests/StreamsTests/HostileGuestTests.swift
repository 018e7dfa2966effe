import Glibc
import Linux
import Testing

@testable import Streams

/// What a guest whose root is an attacker can say to fc-boot, and what comes of it.
@Suite(.timeLimit(.minutes(1))) struct HostileGuestTests {
    /// fc-boot's side of a control connection, and the guest's end of it.
    private final class Host {
        let loop = EventLoop()
        let guest: Descriptor
        private(set) var connection: ControlConnection?
        private(set) var heard = 0
        private(set) var closed: [StreamError?] = []

        init(messages: Int = .max) throws {
            let (left, right) = try socketPair()
            guest = right
            connection = try ControlConnection(
                left, loop: loop,
                onMessage: { [unowned self] _ in
                    heard += 1
                    if heard == messages { loop.stop() }
                },
                onClose: { [unowned self] in
                    closed.append($0)
                    loop.stop()
                })
        }
    }

    /// Resident memory, in bytes (proc_pid_statm(5)).
    private static func memory() throws -> Int {
        let pages = try Files.readText("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4096
    }

    @Test("a flood of messages is taken one after the other, in no more memory")
    func flood() async {
        // In a process of its own, whose memory is nobody else's.
        await #expect(processExitsWith: .success) {
            let host = try Host(messages: 40_000)
            let messages: [ControlMessage] = [.started(pid: 1), .ready(id: "x"), .signal(number: 9), .finish]
            let known = try messages.flatMap { try FrameEncoder.frame(try $0.payload()) }
            let unknown = try FrameEncoder.frame(Array(#"{"type":"nonsense","x":[1,2,3]}"#.utf8))
            let bytes = [[UInt8]](repeating: known + unknown, count: 10_000).flatMap { $0 }
            let before = try HostileGuestTests.memory()
            let feeder = try Feeder(bytes, to: host.guest, loop: host.loop)
            try withExtendedLifetime(feeder) { try host.loop.run() }
            #expect(host.heard == 40_000)
            #expect(try HostileGuestTests.memory() - before < 8 << 20)
        }
    }

    @Test("a guest that does not read loses its connection before much is kept for it")
    func deaf() throws {
        let host = try Host()
        var sent = 0
        while host.closed.isEmpty, sent < 1_000_000 {
            try host.connection?.send(.windowSize(rows: 24, columns: 80))
            sent += 1
        }
        #expect(host.closed == [.lost])
        // With what the kernel keeps.
        #expect(sent * 40 < 12 << 20)
    }

    @Test(
        "what is no exit status of a process ends nothing",
        arguments: ["256", "-1", "99999999999999999999", "7.5", "\"7\"", "null", "[0]"])
    func falseStatus(_ status: String) throws {
        let host = try Host()
        try host.guest.writeAll(try FrameEncoder.frame(Array("{\"type\":\"exited\",\"status\":\(status)}".utf8)))
        try host.loop.run()
        #expect(host.heard == 0)
        #expect(host.closed.count == 1)
    }

    @Test(
        "a frame that promises more than the longest is an error at its header",
        arguments: [65537, 0x7fff_ffff, 0xffff_ffff])
    func hugeFrame(_ length: Int) throws {
        let host = try Host()
        try host.guest.writeAll([24, 16, 8, 0].map { UInt8(length >> $0 & 255) })
        try host.loop.run()
        #expect(host.closed == [.frameTooLong(length)])
    }

    @Test("each port takes one connection, and a hundred thousand more change nothing")
    func connections() async {
        await #expect(processExitsWith: .success) {
            let loop = EventLoop()
            let vsock = "/tmp/runcvm-hostile-\(getpid())"
            let ends = try HostEnds(vsock: vsock, input: [], loop: loop)
            var heard: [ControlMessage] = []
            let host = try ends.host { message in
                heard.append(message)
                loop.stop()
            }
            let control = try connectUnix(StreamPort.control.socket(of: vsock))
            loop.after(milliseconds: 1) { loop.stop() }
            try loop.run()
            let files = try Files.list("/proc/self/fd").count
            for _ in 0..<100_000 {
                #expect(throws: SystemError.self) { try connectUnix(StreamPort.control.socket(of: vsock)) }
            }
            #expect(try Files.list("/proc/self/fd").count == files)
            try control.writeAll(try FrameEncoder.frame(try ControlMessage.started(pid: 7).payload()))
            try withExtendedLifetime((host, control)) { try loop.run() }
            #expect(heard == [.started(pid: 7)])
        }
    }
}
