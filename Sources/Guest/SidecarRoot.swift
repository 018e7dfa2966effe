import CLinux
import FoundationEssentials
import Glibc
import Linux
import Plan

/// The small root in which Dropbear and the sessions run, /side of the initramfs: nothing of the image's is in it, so that
/// an image without users, shells or space has its sessions too.
enum SidecarRoot {
    static let path = "/side"
    /// In it: where sessions find their requests, and Dropbear's own key.
    static let sessions = "/run/sessions.sock"
    static let hostKey = "/etc/dropbear/hostkey"

    /// In a mount namespace of the caller's own.
    static func prepare(_ keys: SidecarKeys, container: CInt) throws {
        guard let key = Data(base64Encoded: keys.hostKey) else {
            throw StartFailure("guest.json.sidecar.hostKey: not base64")
        }
        try Files.overwrite(path + hostKey, with: Array(key))
        // dropbear(8), authorized_keys: a terminal, and nothing else.
        let limits = "no-port-forwarding,no-agent-forwarding,no-X11-forwarding"
        try Files.overwrite("\(path)/ssh/.ssh/authorized_keys", with: Array("\(limits) \(keys.authorizedKey)\n".utf8))
        // init's own program is the session's too.
        try checked("link", on: "\(path)/bin/runcvm") { Int(link("/init", "\(path)/bin/runcvm")) }

        try check(linux_unshare(LINUX_CLONE_NEWNS), "unshare", on: "mount namespace")
        try FileSystem.setPropagation(LINUX_MS_PRIVATE | LINUX_MS_REC, of: "/")
        try FileSystem.mount("proc", at: "\(path)/proc", LINUX_MS_NOSUID | LINUX_MS_NODEV | LINUX_MS_NOEXEC)
        try FileSystem.bind("/dev", to: "\(path)/dev")
        try shareTerminals(of: container)
        // The guest's memory is the process's to use up, but not the host's way in to lose.
        try Files.overwrite("/proc/self/oom_score_adj", with: Array("-1000".utf8))
    }

    /// The container's own devpts, so that a session's terminal has its name there (ttyname(3)).
    private static func shareTerminals(of container: CInt) throws {
        let own = try Descriptor(opening: "/proc/self/ns/mnt", O_RDONLY)
        let theirs = try Descriptor(opening: "/proc/\(container)/ns/mnt", O_RDONLY)
        try check(linux_setns(theirs.raw, LINUX_CLONE_NEWNS), "setns", on: theirs.name)
        let terminals = linux_clone_mount("/dev/pts")
        try check(linux_setns(own.raw, LINUX_CLONE_NEWNS), "setns", on: own.name)
        let target = "\(path)/dev/pts"
        // A container without one leaves init's.
        guard terminals >= 0 else { return try FileSystem.bind("/dev/pts", to: target) }
        let mount = Descriptor(owning: terminals, name: "/dev/pts")
        try check(linux_attach_mount(mount.raw, target), "move_mount", on: target)
    }
}
