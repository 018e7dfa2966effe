import CLinux
import Glibc
import Linux
import OCI

/// guest-command: what runcvm-command.service runs, as root in the image's root.
///
/// It becomes the command by the steps of ContainerProcess, so that neither arguments nor environment pass through a unit file's
/// quoting; and it tells the session of the command's start (a line `started PID`) and end (`ended STATUS`).
public struct UnitCommand: Codable {
    var process: OCIProcess
    /// What becomes stdin, stdout and stderr: the session's own descriptors, by their paths (proc(5): /proc/PID/fd), or a terminal.
    var stdio: [String]
    /// Where the session listens.
    var report: String

    /// Becomes the command. Says on the command's stderr why it cannot, and exits with the status for it.
    public static func start() throws -> Never {
        let command = try load()
        do {
            try command.takeStdio()
            try command.tell("started \(getpid())")
            let process = ContainerProcess(command.process)
            try process.setLimits()
            umask(0)
            try process.makeWorkingDirectory()
            process.ownStdio()
            try process.run()
        } catch {
            let failure = StartFailure(error)
            // Best effort: there is nowhere else to tell it.
            try? Descriptor(owning: 2, name: "stderr").writeAll(Array("runcvm: \(failure.message)\n".utf8))
            _exit(CInt(failure.status))
        }
    }

    /// Tells the command's end as systemd does in $EXIT_CODE and $EXIT_STATUS (systemd.exec(5)).
    public static func end(code: String, status: String) throws {
        try load().tell("ended \(Self.status(code: code, status: status))")
    }

    /// `exited` with a number, or `killed` or `dumped` with a signal's name: 0…255, or 128+n.
    static func status(code: String, status: String) -> Int {
        if code == "exited" { return UInt8(status).map(Int.init) ?? 255 }
        return signals.firstIndex(of: status).map { 129 + $0 } ?? UInt8(status).map { 128 + Int($0) } ?? 255
    }

    /// signal(7), from 1 on, as systemd names them.
    private static let signals = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]

    private static func load() throws -> UnitCommand {
        let path = SystemdUnit.command
        return try JSONValue(parsing: try Files.read(path), subject: path).decoded(at: path)
    }

    private func tell(_ line: String) throws {
        try Descriptor(opening: report, O_WRONLY).writeAll(Array("\(line)\n".utf8))
    }

    private func takeStdio() throws {
        let hasTerminal = process.terminal == true
        for (number, path) in stdio.enumerated() {
            let access = hasTerminal ? O_RDWR : number == 0 ? O_RDONLY : O_WRONLY
            let file = try Descriptor(opening: path, access | O_NOCTTY)
            // systemd has made us the leader of a session without a terminal.
            if number == 0, hasTerminal {
                try check(linux_ioctl_int(file.raw, LINUX_TIOCSCTTY, 0), "TIOCSCTTY", on: path)
            }
            try checked("dup2", on: path) { Int(dup2(file.raw, CInt(number))) }
        }
    }
}
