import CLinux
import Glibc
import Linux
import OCI
import Plan

/// The image's process, seen from init: the first one of a process namespace of its own, so that the kernel ends all
/// that it has started when it ends (pid_namespaces(7)); or the image's init, which is PID 1 in init's place.
struct GuestProcess {
    /// In init's own process namespace.
    let pid: CInt
    /// Its stdin, stdout and stderr, or a terminal's controller as the first two.
    var input: Descriptor?
    var output: Descriptor?
    var errors: Descriptor?
    /// The terminal's other end: open until the process has ended, since without it the controller hangs up.
    var terminal: Descriptor?
    /// What a unit's command opens as its stdio: open until it has ended.
    var held: [Descriptor] = []
    /// What is heard of the image's init.
    var systemd: SystemdReports?

    mutating func letGoOfStdio() { (input, output, errors) = (nil, nil, nil) }

    /// Starts it; without input it reads from /dev/null. Returns when execve(2) has succeeded; throws `StartFailure`.
    static func start(_ document: GuestDocument, hasInput: Bool) throws -> GuestProcess {
        let channel = try ChildChannel()
        let stdio = document.wantsTerminal ? nil : try StandardPipes(hasInput: hasInput)
        raiseFileLimit(document.process)

        let reports = try document.systemd.map { _ in try SystemdReports() }
        let pid = try reports?.handOver() ?? forkIntoNamespace()
        if pid == 0 {
            channel.becomeChild()
            let failure = StartFailure(run(document, stdio, channel, reports))
            channel.report(failure)
            // PID 1 must not end: the session ends the machine.
            while reports != nil { pause() }
            _exit(CInt(failure.status))
        }
        channel.becomeParent()
        var taken = try channel.follow(pid)
        reports?.reboots = reports.flatMap { _ in taken.popLast() }
        guard let stdio else {
            guard taken.count == 2 else { throw StartFailure("the process started without its terminal") }
            return GuestProcess(pid: pid, input: taken[0], output: taken[0], terminal: taken[1], systemd: reports)
        }
        let held = document.systemd?.command == nil ? [] : stdio.childEnds
        stdio.childEnds = []
        return GuestProcess(
            pid: pid, input: stdio.input, output: stdio.output, errors: stdio.errors, held: held, systemd: reports)
    }

    /// fs.nr_open limits RLIMIT_NOFILE: an engine's host may have a higher one than this kernel.
    private static func raiseFileLimit(_ process: OCIProcess) {
        guard let limit = process.rlimits?.first(where: { $0.type == "RLIMIT_NOFILE" }), limit.hard > 1 << 20 else {
            return
        }
        // Where the kernel does not go so far, setrlimit(2) tells it.
        try? SystemControl.write("fs.nr_open", "\(min(limit.hard, 0x7fff_ffc0))")
    }

    /// fork(2) into a new process namespace; init itself goes on making children in its own.
    private static func forkIntoNamespace() throws -> CInt {
        let own = try Descriptor(opening: "/proc/self/ns/pid", O_RDONLY)
        try check(linux_unshare(LINUX_CLONE_NEWPID), "unshare", on: "pid namespace")
        let pid = try check(linux_fork(), "fork", on: "process")
        if pid != 0 { try check(linux_setns(own.raw, LINUX_CLONE_NEWPID), "setns", on: own.name) }
        return pid
    }

    /// In the child: everything up to execve(2). Returns the error.
    private static func run(
        _ document: GuestDocument, _ stdio: StandardPipes?, _ channel: ChildChannel, _ reports: SystemdReports?
    ) -> any Error {
        do {
            umask(0)
            let process = ContainerProcess(document.process)
            try process.setLimits()
            try GuestCgroup.enter()
            let root = try ContainerRoot(entering: document)
            try root.populate()
            if let command = document.systemd?.command, let reports {
                // The init's own stdio stay those of init, on the machine's console.
                let paths = try stdio.map(reports.paths(of:)) ?? offerTerminal(command.consoleSize, channel)
                try SystemdUnit.lay(UnitCommand(process: command, stdio: paths, report: reports.path))
            } else if let stdio {
                try checked("setsid", on: "process") { Int(setsid()) }
                try stdio.becomeStdio()
            } else {
                try takeTerminal(document.process.consoleSize, channel)
            }
            try process.makeWorkingDirectory()
            try root.protect()
            process.ownStdio()
            guard reports != nil else { try process.run() }
            let watch = try check(linux_watch_reboot(), "seccomp", on: "reboot(2)")
            try channel.offer([Descriptor(owning: watch, name: "reboot(2)")])
            // What comes before systemd listens waits for it.
            try process.run(blocking: SystemdSession.powerOff)
        } catch {
            return error
        }
    }

    /// The same for a unit's command, by its path.
    private static func offerTerminal(_ size: OCIConsoleSize?, _ channel: ChildChannel) throws -> [String] {
        let pair = try Terminal.open()
        if let size { try Terminal.resize(pair.terminal, rows: Int(size.height), columns: Int(size.width)) }
        guard let path = Files.readLink("/proc/self/fd/\(pair.terminal.raw)") else {
            throw SystemError("readlink", on: "terminal", .current)
        }
        try channel.offer([pair.controller, pair.terminal])
        return [path, path, path]
    }

    /// A terminal of the container's own devpts, so that ttyname(3) finds it there.
    private static func takeTerminal(_ size: OCIConsoleSize?, _ channel: ChildChannel) throws {
        let pair = try Terminal.open()
        let raw = pair.terminal.raw
        if let size { try Terminal.resize(pair.terminal, rows: Int(size.height), columns: Int(size.width)) }
        if let path = Files.readLink("/proc/self/fd/\(raw)") { try DeviceFolder.bindConsole(path) }
        try check(linux_login_tty(raw), "TIOCSCTTY", on: "terminal")
        try channel.offer([pair.controller, pair.terminal])
        for descriptor in CInt(0)...2 { try checked("dup2", on: "terminal") { Int(dup2(raw, descriptor)) } }
    }
}

/// What the session hears of the image's init: of its unit by a pipe, and of the machine's end by reboot(2).
final class SystemdReports {
    let reading: Descriptor
    private let writing: Descriptor
    var reboots: Descriptor?
    private var session: pid_t = 0

    init() throws { (reading, writing) = try Descriptor.pipe(name: "reports") }

    /// fork(2): init becomes the process, hence 0; the child goes on in its place, and gets init's number.
    func handOver() throws -> pid_t {
        session = try check(linux_fork(), "fork", on: "session")
        if session != 0 { return 0 }
        try checked("setsid", on: "session") { Int(setsid()) }
        try check(linux_mark_survivor(), "oom_score_adj", on: "session")
        try GuestCgroup.stepAside()
        return SystemdSession.pid
    }

    /// The session's descriptors, for others of its machine (proc(5): /proc/PID/fd).
    var path: String { "/proc/\(session)/fd/\(writing.raw)" }
    func paths(of stdio: StandardPipes) -> [String] { stdio.childEnds.map { "/proc/\(session)/fd/\($0.raw)" } }
}

/// The pipes that become the process's stdin, stdout and stderr.
final class StandardPipes {
    /// nil: stdin is /dev/null.
    let input: Descriptor?
    let output: Descriptor
    let errors: Descriptor
    /// In the order of their numbers.
    var childEnds: [Descriptor]

    init(hasInput: Bool) throws {
        let stdin = hasInput ? try Descriptor.pipe(name: "stdin") : nil
        let (stdout, stderr) = (try Descriptor.pipe(name: "stdout"), try Descriptor.pipe(name: "stderr"))
        (input, output, errors) = (stdin?.writing, stdout.reading, stderr.reading)
        childEnds = [
            try stdin?.reading ?? Descriptor(opening: "/dev/null", O_RDWR), stdout.writing, stderr.writing,
        ]
    }

    /// In the child.
    func becomeStdio() throws {
        for (number, end) in childEnds.enumerated() {
            try checked("dup2", on: end.name) { Int(dup2(end.raw, CInt(number))) }
        }
    }
}
