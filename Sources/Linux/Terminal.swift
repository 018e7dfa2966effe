import CLinux
import Glibc

/// A pseudoterminal (pty(7)): what is written to `controller` is typed at `terminal`.
public struct Terminal {
    public let controller: Descriptor
    public let terminal: Descriptor

    public init(controller: Descriptor, terminal: Descriptor) {
        self.controller = controller
        self.terminal = terminal
    }

    /// openpty(3): in the devpts that /dev/ptmx belongs to. Both descriptors close on exec.
    public static func open() throws -> Terminal {
        var ends: (CInt, CInt) = (-1, -1)
        try check(linux_openpty(&ends.0, &ends.1), "openpty", on: "/dev/ptmx")
        let made = Terminal(
            controller: Descriptor(owning: ends.0, name: "terminal's controller"),
            terminal: Descriptor(owning: ends.1, name: "terminal"))
        for raw in [ends.0, ends.1] { try checked("F_SETFD", on: "terminal") { Int(fcntl(raw, F_SETFD, FD_CLOEXEC)) } }
        return made
    }

    /// TIOCSWINSZ, on either end: SIGWINCH follows by itself.
    public static func resize(_ descriptor: Descriptor, rows: Int, columns: Int) throws {
        var size = winsize(
            ws_row: UInt16(clamping: rows), ws_col: UInt16(clamping: columns), ws_xpixel: 0, ws_ypixel: 0)
        try check(linux_ioctl_ptr(descriptor.raw, LINUX_TIOCSWINSZ, &size), "TIOCSWINSZ", on: descriptor.name)
    }
}
