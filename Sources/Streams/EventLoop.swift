import CLinux
import Glibc
import Linux

/// A loop over poll(2), level-triggered, in one thread.
public final class EventLoop {
    /// What a descriptor is ready for.
    public struct Events: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }
        public static let read = Events(rawValue: Int16(POLLIN))
        public static let write = Events(rawValue: Int16(POLLOUT))
        /// The other end is gone, the descriptor is in error or is none: reported whatever was asked for.
        public static let gone: Events = [
            Events(rawValue: Int16(POLLHUP)), Events(rawValue: Int16(POLLERR)), Events(rawValue: Int16(POLLNVAL)),
        ]
    }

    /// One interest in one descriptor. The descriptor must stay open until `cancel`.
    public final class Watch {
        fileprivate let descriptor: CInt
        fileprivate let body: (Events) throws -> Void
        fileprivate var active = true
        /// nil: not even its end matters; the descriptor is left out of poll(2), which would report it for ever.
        public var interest: Events?

        fileprivate init(_ descriptor: CInt, _ interest: Events?, _ body: @escaping (Events) throws -> Void) {
            self.descriptor = descriptor
            self.interest = interest
            self.body = body
        }

        public func cancel() {
            active = false
            interest = nil
        }
    }

    public final class Timer {
        fileprivate let deadline: Int
        fileprivate let body: () throws -> Void
        fileprivate var active = true

        fileprivate init(_ deadline: Int, _ body: @escaping () throws -> Void) {
            self.deadline = deadline
            self.body = body
        }

        public func cancel() { active = false }
    }

    private var watches: [Watch] = []
    private var timers: [Timer] = []
    private var stopped = false
    /// How often poll(2) has returned.
    private(set) var turns = 0

    /// Also ignores SIGPIPE: a reader that is gone shall be an error of write(2). A child resets it before execve(2).
    public init() { signal(SIGPIPE, SIG_IGN) }

    /// Calls `body` whenever `descriptor` is ready for `interest`, or gone. An error that it throws ends `run`.
    public func watch(
        _ descriptor: CInt, _ interest: Events?, _ body: @escaping (Events) throws -> Void
    ) -> Watch {
        let watch = Watch(descriptor, interest, body)
        watches.append(watch)
        return watch
    }

    /// Calls `body` once, after so many milliseconds.
    @discardableResult
    public func after(milliseconds: Int, _ body: @escaping () throws -> Void) -> Timer {
        let timer = Timer(Self.now() + milliseconds, body)
        timers.append(timer)
        return timer
    }

    /// Blocks every signal that can be caught, and calls `body` with the number of each that comes, and whether a process
    /// has sent it (kill(2)) rather than the kernel (signalfd(2)).
    /// A child process must call `linux_reset_signals` before execve(2).
    @discardableResult
    public func watchSignals(_ body: @escaping (CInt, _ isSent: Bool) throws -> Void) throws -> Watch {
        let descriptor = Descriptor(owning: try check(linux_signalfd_all(), "signalfd", on: "signals"), name: "signals")
        return watch(descriptor.raw, .read) { _ in
            // struct signalfd_siginfo is 128 bytes long and begins with the signal's number, an errno, and the sender's kind.
            var information = [UInt32](repeating: 0, count: 32)
            let count = try checked("read", on: descriptor.name) { read(descriptor.raw, &information, 128) }
            if count == 128 { try body(CInt(information[0]), Int32(bitPattern: information[2]) <= 0) }
        }
    }

    /// Makes `run` return after the callbacks of this round.
    public func stop() { stopped = true }

    /// Runs until `stop`, or until nothing is watched and no timer is set.
    public func run() throws {
        stopped = false
        while !stopped, try turn() {}
    }

    /// One call of poll(2) and its callbacks. False where there is nothing to wait for.
    private func turn() throws -> Bool {
        watches.removeAll { !$0.active }
        timers.removeAll { !$0.active }
        let polled = watches.filter { $0.interest != nil }
        let deadline = timers.map(\.deadline).min()
        if polled.isEmpty, deadline == nil { return false }
        var set = polled.map { pollfd(fd: $0.descriptor, events: ($0.interest ?? []).rawValue, revents: 0) }
        let wait = deadline.map { CInt(clamping: max(0, $0 - Self.now())) } ?? -1
        let count = poll(&set, nfds_t(set.count), wait)
        if count < 0, errno != EINTR { throw SystemError("poll", on: "\(set.count) descriptors", .current) }
        turns += 1
        if count > 0 {
            for (watch, ready) in zip(polled, set) where ready.revents != 0 && watch.active && !stopped {
                try watch.body(Events(rawValue: ready.revents))
            }
        }
        let now = Self.now()
        for timer in timers where timer.active && timer.deadline <= now && !stopped {
            timer.cancel()
            try timer.body()
        }
        return true
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
