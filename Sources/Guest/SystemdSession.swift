import CLinux
import Glibc
import Linux
import Plan
import Streams

/// What init's session does beside the image's systemd: it knows when the command and the machine end, and what signals mean.
///
/// The session is a process forked from init before that becomes systemd. It stays in the initramfs and in the root control
/// group, where systemd does not look, and is marked as one that serves until the machine ends.
final class SystemdSession {
    /// systemd, and all that it will be until the machine ends.
    static let pid: pid_t = 1
    /// SIGRTMIN+4, with the C library's first real-time signal: power off (systemd(1)).
    static let powerOff: CInt = 38
    /// SIGRTMIN+3: halt. Images name it as their STOPSIGNAL.
    private static let halt: CInt = 37

    private let hasCommand: Bool
    private let reports: Descriptor
    private let reboots: Descriptor
    private let onCommandEnd: () -> Void
    private let onEnd: (Int) throws -> Void
    private var watches: [EventLoop.Watch] = []
    private var text: [UInt8] = []
    private var command: pid_t?
    private var status: Int?
    /// Signals that came before the command.
    private var early: [CInt] = []

    /// `onCommandEnd` is called when nobody needs the command's stdio any more; `onEnd`, once, when the machine is about to stop, with the
    /// container's status.
    init(
        hasCommand: Bool, reports: Descriptor, reboots: Descriptor, loop: EventLoop,
        onCommandEnd: @escaping () -> Void, onEnd: @escaping (Int) throws -> Void
    ) throws {
        self.hasCommand = hasCommand
        self.reports = reports
        self.reboots = reboots
        self.onCommandEnd = onCommandEnd
        self.onEnd = onEnd
        try reports.setNonBlocking()
        watches = [
            loop.watch(reports.raw, .read) { [unowned self] _ in receive() },
            loop.watch(reboots.raw, .read) { [unowned self] _ in try answer() },
        ]
    }

    /// A signal from the host. What means the end makes systemd power off: SIGTERM itself would make it start anew. All else is
    /// the command's.
    func signal(_ number: CInt) {
        if [SIGTERM, Self.powerOff, Self.halt].contains(number) {
            kill(Self.pid, Self.powerOff)
        } else if !hasCommand {
            kill(Self.pid, number)
        } else if let command {
            // ESRCH: it has just ended.
            if status == nil { kill(command, number) }
        } else {
            early.append(number)
        }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(reports.raw, &buffer, buffer.count)
        guard count > 0 else { return }
        text += buffer[..<count]
        while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
            take(String(decoding: text[..<end], as: UTF8.self).split(separator: " "))
            text.removeFirst(end + 1)
        }
    }

    private func take(_ fields: [Substring]) {
        guard fields.count == 2, let number = Int(fields[1]) else { return }
        if fields[0] == "started" {
            command = pid_t(number)
            for signal in early { kill(pid_t(number), signal) }
        } else {
            status = number
            onCommandEnd()
        }
    }

    /// Somebody has called reboot(2), and waits. Whether that is to end the machine: then it waits on, since Firecracker knows no
    /// power-off. Otherwise the kernel refuses it, or ends the container inside this machine that it came from.
    static func endsMachine(_ reboots: Descriptor) -> Bool {
        var cookie: UInt64 = 0
        let caller = linux_reboot_waiting(reboots.raw, &cookie)
        // ENOENT, here and below: the caller has died meanwhile.
        guard caller > 0 else { return false }
        if mayEndMachine(caller) { return true }
        _ = linux_reboot_proceed(reboots.raw, cookie)
        return false
    }

    private func answer() throws {
        guard Self.endsMachine(reboots) else { return }
        for watch in watches { watch.cancel() }
        // A command that still ran was killed by that; an init has done what it was told.
        try onEnd(status ?? (hasCommand ? 128 + Int(SIGKILL) : 0))
    }

    /// As reboot(2): CAP_SYS_BOOT, in the machine's own user and process namespaces.
    private static func mayEndMachine(_ caller: pid_t) -> Bool {
        let hasOwnNamespaces = ["user", "pid"].contains {
            Files.readLink("/proc/\(caller)/ns/\($0)") != Files.readLink("/proc/self/ns/\($0)")
        }
        // Where its caller has died meanwhile there is no such file.
        guard !hasOwnNamespaces, let text = try? Files.readText("/proc/\(caller)/status") else { return false }
        let line = text.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let set = line.flatMap { UInt64($0.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) } ?? 0
        return set & 1 << 22 != 0  // CAP_SYS_BOOT
    }
}
