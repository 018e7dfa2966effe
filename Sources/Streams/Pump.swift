import Glibc
import Linux

/// Moves one stream from a descriptor to another, through one buffer of limited size.
///
/// It reads only while the buffer has room, so that a slow reader slows the writer down. Where the destination is gone,
/// the source is closed: its writer gets EPIPE, as in a shell's pipe.
public final class Pump {
    public enum Direction: Sendable {
        /// Plain bytes in, frames out; the end of the input becomes the empty frame. The destination stays open after it.
        case toFrames
        /// Frames in, plain bytes out; the empty frame closes the destination, unless it is shared.
        case fromFrames
    }

    /// One end of a pump, which closes the descriptor by letting go of it: nobody else should hold it.
    public struct End {
        var descriptor: Descriptor
        var shared: Bool

        /// A socket or pipe end of our own; it becomes non-blocking.
        public static func own(_ descriptor: Descriptor) throws -> End {
            try descriptor.setNonBlocking()
            return End(descriptor: descriptor, shared: false)
        }

        /// A descriptor whose open file description other processes have too (stdin, stdout, stderr). It stays as it is:
        /// O_NONBLOCK would be theirs as well. So it is read once, or written a pipe's atomic unit, when poll(2) says so.
        public static func shared(_ descriptor: Descriptor) -> End { End(descriptor: descriptor, shared: true) }
    }

    public enum Outcome: Equatable, Sendable {
        /// The whole stream was moved.
        case ended
        /// Frames stopped before the empty frame, or were none.
        case lost(StreamError)
        /// The destination took no more; the source is closed.
        case refused(Errno)
    }

    private static let capacity = 64 << 10
    /// What is read at a time; less room than that in the buffer means no reading.
    private static let portion = 16 << 10
    /// What is written to a socket at a time. More than about 32 KiB makes a guest's kernel (6.17, Debian's 6.12.117) hand it
    /// to Firecracker in two parts, of which Firecracker (1.12.1; mended by its pull request 5485) repeats the first one when
    /// its own socket is full after it: seen as frames of random lengths.
    private static let burst = 16 << 10
    /// PIPE_BUF: POLLOUT on a blocking pipe promises that so much can be written.
    private static let atomic = 4096

    private let direction: Direction
    private var source: End?
    private var destination: End?
    private var sourceWatch: EventLoop.Watch?
    private var destinationWatch: EventLoop.Watch?
    private var queue = ByteQueue(capacity: capacity)
    private var scratch = [UInt8](repeating: 0, count: portion)
    private var decoder = FrameDecoder()
    private var inputEnd: Outcome?
    private var isLast = false
    private let onEnd: (Outcome) throws -> Void
    /// How it ended; nil while it runs.
    public private(set) var outcome: Outcome?

    /// Begins to pump; `onEnd` is called once, from the loop.
    public init(
        _ direction: Direction, from source: End, to destination: End, loop: EventLoop,
        onEnd: @escaping (Outcome) throws -> Void
    ) {
        self.direction = direction
        self.source = source
        self.destination = destination
        self.onEnd = onEnd
        sourceWatch = loop.watch(source.descriptor.raw, .read) { [unowned self] _ in try readable() }
        destinationWatch = loop.watch(destination.descriptor.raw, []) { [unowned self] in try writable($0) }
    }

    deinit {
        sourceWatch?.cancel()
        destinationWatch?.cancel()
    }

    /// What is there now is all that comes: for an own source whose writers stay, but write no more.
    public func endWithWhatIsThere() throws {
        guard outcome == nil, inputEnd == nil else { return }
        isLast = true
        try update()
    }

    /// For what else can be done with the source than to read it; nothing where the pump has let go of it.
    public func withSource(_ body: (Descriptor) throws -> Void) rethrows {
        if let source { try body(source.descriptor) }
    }

    private func readable() throws {
        guard let source else { return }
        let count = read(source.descriptor.raw, &scratch, scratch.count)
        if count > 0 {
            take(scratch[..<count])
        } else if count < 0, [.wouldBlock, .interrupted].contains(Errno.current) {
            guard isLast, Errno.current == .wouldBlock else { return }
            endInput(.ended)
        } else {
            // 0 is the end; so are errors: a terminal that hangs up gives EIO, a socket ECONNRESET, a closed stdin EBADF.
            endInput(direction == .toFrames ? .ended : .lost(.lost))
        }
        try update()
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        if direction == .toFrames {
            queue.append(Frame.header(bytes.count))
            queue.append(bytes)
            return
        }
        do {
            for piece in try decoder.decode(bytes) {
                switch piece {
                case .bytes(let part, _): queue.append(part)
                case .end: endInput(.ended)
                }
            }
        } catch {
            endInput(.lost(error as? StreamError ?? .lost))
        }
    }

    private func endInput(_ outcome: Outcome) {
        inputEnd = outcome
        sourceWatch?.cancel()
        if direction == .toFrames {
            queue.append(Frame.endOfStream)
            source = nil
        }
    }

    private func writable(_ events: EventLoop.Events) throws {
        guard let destination else { return }
        guard events.contains(.write) else { return try refuse(.brokenPipe) }
        var failure: Errno?
        queue.drain(limit: destination.shared ? Self.atomic : Self.burst) { bytes in
            let count = write(destination.descriptor.raw, bytes.baseAddress, bytes.count)
            if count >= 0 { return count }
            if ![.wouldBlock, .interrupted].contains(Errno.current) { failure = Errno.current }
            return 0
        }
        if let failure { return try refuse(failure) }
        try update()
    }

    private func update() throws {
        if queue.isEmpty, let inputEnd { return try finish(inputEnd) }
        // Room for a frame's header and for the empty frame, besides the bytes.
        let room = queue.room >= Self.portion + 2 * Frame.headerSize
        if inputEnd == nil, room, isLast { return try readable() }
        if inputEnd == nil { sourceWatch?.interest = room ? .read : nil }
        destinationWatch?.interest = queue.isEmpty ? [] : .write
    }

    private func refuse(_ error: Errno) throws {
        destination = nil
        try finish(.refused(error))
    }

    private func finish(_ outcome: Outcome) throws {
        sourceWatch?.cancel()
        destinationWatch?.cancel()
        if direction == .fromFrames, destination?.shared == false { destination = nil }
        // After a whole stream its connection stays: closing it could overtake what the other end has still to read.
        if outcome != .ended, let source {
            // Even if somebody holds the socket still; on a pipe this is ENOTSOCK, and letting go of it is enough.
            if !source.shared { shutdown(source.descriptor.raw, CInt(SHUT_RDWR)) }
            self.source = nil
        }
        self.outcome = outcome
        try onEnd(outcome)
    }
}
