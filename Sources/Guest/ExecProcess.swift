import CLinux
import Glibc
import Linux
import OCI

/// A process beside the image's own: joins its namespaces and its control group, as runc's exec does
/// (libcontainer/setns_init_linux.go; namespaces(7)).
enum ExecProcess {
    /// Starts it with the caller's stdin, stdout and stderr. Returns when execve(2) has succeeded; throws `StartFailure`.
    /// `container` is the image's first process; nil: it stays where the caller is.
    static func start(_ wanted: OCIProcess, container: CInt?) throws -> CInt {
        let namespaces = try container.map { try Namespaces(of: $0) }
        let channel = try ChildChannel()
        // For the children; we stay where we are.
        if let processes = namespaces?.processes {
            try check(linux_setns(processes.raw, LINUX_CLONE_NEWPID), "setns", on: processes.name)
        }
        let pid = try check(linux_fork(), "fork", on: "process")
        if pid == 0 {
            channel.becomeChild()
            let failure = StartFailure(run(wanted, namespaces))
            channel.report(failure)
            _exit(CInt(failure.status))
        }
        channel.becomeParent()
        _ = try channel.follow(pid)
        return pid
    }

    private struct Namespaces {
        let processes: Descriptor
        let groups: Descriptor
        let mounts: Descriptor

        init(of pid: CInt) throws {
            processes = try Descriptor(opening: "/proc/\(pid)/ns/pid", O_RDONLY)
            groups = try Descriptor(opening: "/proc/\(pid)/ns/cgroup", O_RDONLY)
            mounts = try Descriptor(opening: "/proc/\(pid)/ns/mnt", O_RDONLY)
        }
    }

    /// In the child: everything up to execve(2). Returns the error.
    private static func run(_ wanted: OCIProcess, _ namespaces: Namespaces?) -> any Error {
        do {
            let process = ContainerProcess(wanted)
            // Not the sidecar's own, which is never to be chosen.
            try Files.overwrite("/proc/self/oom_score_adj", with: [UInt8(ascii: "0")])
            try process.setLimits()
            if let namespaces {
                if try GuestCgroup.join() {
                    try check(
                        linux_setns(namespaces.groups.raw, LINUX_CLONE_NEWCGROUP), "setns", on: namespaces.groups.name)
                }
                try check(linux_setns(namespaces.mounts.raw, LINUX_CLONE_NEWNS), "setns", on: namespaces.mounts.name)
            }
            if wanted.terminal == true {
                try check(linux_steal_tty(0), "TIOCSCTTY", on: "terminal")
            } else {
                try checked("setsid", on: "process") { Int(setsid()) }
            }
            process.ownStdio()
            try process.run()
        } catch {
            return error
        }
    }
}
