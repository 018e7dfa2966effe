import Glibc

/// Sees to it that a process which dies or hangs says what it was about to parse. Its handler allocates nothing.
enum Watch {
    /// In seconds of the processor's time.
    private static let patience = 5
    private static let capacity = 4096
    nonisolated(unsafe) private static let title = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    nonisolated(unsafe) private static let input = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    nonisolated(unsafe) private static let stack = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 16)
    nonisolated(unsafe) private static var titleCount = 0
    nonisolated(unsafe) private static var inputCount = 0

    static func begin() {
        // A recursion without end leaves no room for the handler on the stack that it has used up.
        var alternate = stack_t(ss_sp: stack, ss_flags: 0, ss_size: 1 << 16)
        sigaltstack(&alternate, nil)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in Watch.die(number) }
        action.sa_flags = SA_ONSTACK
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGVTALRM] {
            sigaction(number, &action, nil)
        }
        var limit = rlimit(rlim_cur: 2 << 30, rlim_max: 2 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
    }

    /// What comes next. The clock starts.
    static func note(_ what: String, _ bytes: [UInt8]) {
        titleCount = copy(Array(what.utf8), to: title)
        inputCount = copy(bytes, to: input)
        setTimer(seconds: patience)
    }

    static func end() { setTimer(seconds: 0) }

    /// What went wrong with it, without ending the process.
    static func report(_ what: String) {
        say("\(what)\n")
        tell()
    }

    static func say(_ text: String) {
        let bytes = Array(text.utf8)
        write(2, bytes, bytes.count)
    }

    /// The most memory that was in use so far, in KiB.
    static func peak() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    private static func copy(_ bytes: [UInt8], to target: UnsafeMutablePointer<UInt8>) -> Int {
        let count = min(bytes.count, capacity)
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base, count: count) }
        }
        return count
    }

    private static func setTimer(seconds: Int) {
        var timer = itimerval(
            it_interval: timeval(tv_sec: 0, tv_usec: 0), it_value: timeval(tv_sec: seconds, tv_usec: 0))
        setitimer(__itimer_which_t(ITIMER_VIRTUAL.rawValue), &timer, nil)
    }

    private static func die(_ number: CInt) {
        let text: StaticString = number == SIGVTALRM ? "hangs: " : "dies: "
        write(2, text.utf8Start, text.utf8CodeUnitCount)
        tell()
        _exit(0)
    }

    /// Printable ASCII as it is, all else as `\x0a`.
    private static func tell() {
        write(2, title, titleCount)
        write(2, ": ", 2)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * capacity) { buffer in
            var count = 0
            for index in 0..<inputCount {
                let byte = input[index]
                if byte >= 0x20, byte < 0x7f {
                    buffer[count] = byte
                    count += 1
                } else {
                    let digits: StaticString = "0123456789abcdef"
                    buffer[count] = 0x5c
                    buffer[count + 1] = 0x78
                    buffer[count + 2] = digits.utf8Start[Int(byte >> 4)]
                    buffer[count + 3] = digits.utf8Start[Int(byte & 15)]
                    count += 4
                }
            }
            write(2, buffer.baseAddress, count)
        }
        write(2, "\n", 1)
    }
}
