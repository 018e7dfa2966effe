import CLinux
import Glibc

/// A program that is run to its end (posix_spawn(3)). Arguments are a list, never a line for a shell.
public struct ChildProcess {
    public struct Outcome {
        /// 0…255, or 128+n for signal n.
        public var status: Int
        public var output: [UInt8]
        public var errors: String

        /// Why it failed, as it said last.
        public var reason: String { errors.split(separator: "\n").last.map(String.init) ?? "exit \(status)" }
    }

    public var program: String
    public var arguments: [String]
    public var environment: [String]
    public var input: [UInt8] = []

    public init(_ program: String, _ arguments: [String], environment: [String] = [], input: [UInt8] = []) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.input = input
    }

    /// Starts it and waits for its end. `passed` is its descriptor 3.
    public func run(passing passed: Descriptor? = nil) throws -> Outcome {
        try run(passed.map { [($0, CInt(3))] } ?? []) { try Self.wait(for: $0) }
    }

    /// The same for so many seconds at most: then it is killed, with all of its process group. nil where it was.
    /// `late` sees them before.
    public func run(
        limit seconds: Int, passing passed: Descriptor? = nil, late: ([RunningProcess]) -> Void = { _ in }
    ) throws -> Outcome? {
        var isLate = false
        let outcome = try run(passed.map { [($0, CInt(3))] } ?? [], ownGroup: true) { pid in
            if try Self.ends(pid, within: seconds) { return try Self.wait(for: pid) }
            isLate = true
            late(RunningProcess.all { $0.group == pid })
            kill(-pid, SIGKILL)
            return try Self.wait(for: pid)
        }
        return isLate ? nil : outcome
    }

    private static func ends(_ pid: pid_t, within seconds: Int) throws -> Bool {
        let process = Descriptor(
            owning: try check(linux_pidfd_open(pid), "pidfd_open", on: String(pid)), name: "pidfd")
        var ended = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
        return try checked("poll", on: "pidfd") { Int(poll(&ended, 1, CInt(seconds * 1000))) } > 0
    }

    /// Its input, output and errors are in memory (memfd_create(2)): whatever it leaves running blocks nobody.
    private func run(
        _ more: [(Descriptor, CInt)], ownGroup: Bool = false, _ wait: (pid_t) throws -> Int
    ) throws -> Outcome {
        let stdin = try Descriptor.memory(name: "stdin of \(program)", holding: input)
        let stdout = try Descriptor.memory(name: "stdout of \(program)")
        let stderr = try Descriptor.memory(name: "stderr of \(program)")
        let pid = try start(redirecting: [(stdin, 0), (stdout, 1), (stderr, 2)] + more, ownGroup: ownGroup)
        let status = try wait(pid)
        return Outcome(
            status: status, output: try stdout.readFromStart(),
            errors: String(decoding: try stderr.readFromStart(), as: UTF8.self))
    }

    /// Runs it with this process's own descriptors. Returns its status.
    public func runInPlace() throws -> Int {
        try Self.wait(for: try start(redirecting: []))
    }

    /// Becomes the program (execve(2)); returns only by an error.
    public func replaceThisProcess() throws -> Never {
        Self.withCStrings([program] + arguments) { arguments in
            Self.withCStrings(environment) { environment in _ = execve(program, arguments, environment) }
        }
        throw SystemError("execve", on: program, .current)
    }

    public static func wait(for pid: pid_t) throws -> Int {
        var status: CInt = 0
        try checked("waitpid", on: String(pid)) { Int(waitpid(pid, &status, 0)) }
        return linux_exited(status) != 0 ? Int(linux_exit_status(status)) : 128 + Int(linux_term_signal(status))
    }

    /// Starts it with these descriptors as its 0, 1, 2; others that are not O_CLOEXEC are inherited.
    public func start(redirecting: [(Descriptor, CInt)], ownGroup: Bool = false) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, number) in redirecting {
            posix_spawn_file_actions_adddup2(&actions, descriptor.raw, number)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (ownGroup ? CInt(POSIX_SPAWN_SETPGROUP) : 0)
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var pid: pid_t = 0
        let result = Self.withCStrings([program] + arguments) { arguments in
            Self.withCStrings(environment) { environment in
                posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw SystemError("posix_spawn", on: program, Errno(result)) }
        return pid
    }

    public static func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let pointers = strings.map { strdup($0) }
        defer { pointers.forEach { free($0) } }
        return body(pointers + [nil])
    }
}
