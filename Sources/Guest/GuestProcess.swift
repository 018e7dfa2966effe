import CLinux
import Glibc
import Linux
import OCI
import Plan

/// The image's process, seen from init: the first one of a process namespace of its own, so that the kernel ends all
/// that it has started when it ends (pid_namespaces(7)).
struct GuestProcess {
    /// In init's own process namespace.
    let pid: CInt
    /// Its stdin, stdout and stderr, or a terminal's controller as the first two.
    var input: Descriptor?
    var output: Descriptor?
    var errors: Descriptor?
    /// The terminal's other end: open until the process has ended, since without it the controller hangs up.
    var terminal: Descriptor?

    mutating func letGoOfStdio() { (input, output, errors) = (nil, nil, nil) }

    /// Starts it; without input it reads from /dev/null. Returns when execve(2) has succeeded; throws `StartFailure`.
    static func start(_ document: GuestDocument, hasInput: Bool) throws -> GuestProcess {
        let wantsTerminal = document.process.terminal ?? false
        let channel = try ChildChannel()
        let stdio = wantsTerminal ? nil : try StandardPipes(hasInput: hasInput)
        raiseFileLimit(document.process)

        let pid = try forkIntoNamespace()
        if pid == 0 {
            channel.becomeChild()
            channel.fail(StartFailure(run(document, stdio, channel)))
        }
        channel.becomeParent()
        stdio?.childEnds = []
        let terminal = try channel.follow(pid)
        if let stdio {
            return GuestProcess(pid: pid, input: stdio.input, output: stdio.output, errors: stdio.errors)
        }
        guard let terminal else { throw StartFailure("the process started without its terminal") }
        return GuestProcess(
            pid: pid, input: terminal.controller, output: terminal.controller, terminal: terminal.terminal)
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
    private static func run(_ document: GuestDocument, _ stdio: StandardPipes?, _ channel: ChildChannel) -> any Error {
        do {
            umask(0)
            let process = ContainerProcess(document.process)
            try process.setLimits()
            try GuestCgroup.enter()
            let root = try ContainerRoot(entering: document)
            try root.populate()
            if let stdio {
                try checked("setsid", on: "process") { Int(setsid()) }
                try stdio.becomeStdio()
            } else {
                try takeTerminal(document.process.consoleSize, channel)
            }
            try process.makeWorkingDirectory()
            try root.protect()
            process.ownStdio()
            try process.run()
        } catch {
            return error
        }
    }

    /// A terminal of the container's own devpts, so that ttyname(3) finds it there.
    private static func takeTerminal(_ size: OCIConsoleSize?, _ channel: ChildChannel) throws {
        let pair = try Terminal.open()
        let raw = pair.terminal.raw
        if let size { try Terminal.resize(pair.terminal, rows: Int(size.height), columns: Int(size.width)) }
        if let path = Files.readLink("/proc/self/fd/\(raw)") { try DeviceFolder.bindConsole(path) }
        try check(linux_login_tty(raw), "TIOCSCTTY", on: "terminal")
        try channel.offer(pair)
        for descriptor in CInt(0)...2 { try checked("dup2", on: "terminal") { Int(dup2(raw, descriptor)) } }
    }
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
