import CLinux
import Glibc
import Linux
import Streams

/// What `docker run --init` puts before the command: starts it, passes signals on to it, reaps what it leaves behind, and
/// ends with its status, as tini(1) does.
public struct EngineInit {
    private let arguments: [String]

    /// `arguments` are the command's: a name that PATH leads to, or a path; then its own.
    public init(_ arguments: [String]) { self.arguments = arguments }

    /// Returns the command's status: 0…255, 128+n for signal n, 127 or 126 where it could not be started.
    public func run() throws -> Int {
        let loop = EventLoop()
        var command: pid_t = 0
        var status = 0
        // Before the fork: no end and no signal is missed.
        try loop.watchSignals { number, _ in
            switch number {
            // About our own place at the terminal.
            case SIGTTIN, SIGTTOU: break
            case SIGCHLD:
                while true {
                    var word: CInt = 0
                    let pid = waitpid(-1, &word, WNOHANG)
                    if pid <= 0 { return }
                    guard pid == command else { continue }
                    let signal = linux_term_signal(word)
                    status = signal > 0 ? 128 + Int(signal) : Int(linux_exit_status(word))
                    loop.stop()
                }
            default: kill(command, number)
            }
        }
        command = try check(linux_fork(), "fork", on: arguments.first ?? "")
        if command == 0 { becomeCommand() }
        try loop.run()
        return status
    }

    /// In the child: a process group of its own, in the terminal's foreground, so that Ctrl-C is the command's.
    private func becomeCommand() -> Never {
        setpgid(0, 0)
        if isatty(0) != 0 { tcsetpgrp(0, getpgrp()) }
        do {
            let path = getenv("PATH").map { String(cString: $0) } ?? ""
            let program = try ProgramSearch.find(arguments.first ?? "", path: path, probe: ContainerProcess.probe)
            linux_reset_signals()
            var words = arguments.map { strdup($0) } + [nil]
            execv(program, &words)
            throw StartFailure(exec: program, .current)
        } catch {
            let failure = StartFailure(error)
            try? Descriptor(owning: 2, name: "stderr").writeAll(Array("docker-init: \(failure.message)\n".utf8))
            _exit(CInt(failure.status))
        }
    }
}
