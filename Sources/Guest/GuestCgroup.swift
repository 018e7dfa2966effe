import CLinux
import Linux

/// The container's control group, below init's, in a namespace of its own (cgroups(7), cgroup_namespaces(7)).
///
/// As with runc, its root is the container's own group, with all controllers. Memory and CPUs are limited by the machine's size.
enum GuestCgroup {
    private static let base = "/sys/fs/cgroup"
    static let path = "\(base)/container"
    private static let own = "\(base)/runcvm"

    /// Mounts version 2 for init alone: an init of the image's has its root, and moves what it finds there.
    static func stepAside() throws {
        try FileSystem.mount("cgroup2", at: base, LINUX_MS_NOSUID | LINUX_MS_NODEV | LINUX_MS_NOEXEC)
        try Files.ensureDirectory(own)
        try write("0", to: "\(own)/cgroup.procs")
    }

    /// Mounts version 2 for init, and makes the group. `pids` is the number of processes that it may hold. A kernel of the
    /// user's own may have no control groups: then there is none, unless it is needed for `pids`.
    static func make(pids: Int?) throws {
        do {
            try FileSystem.mount("cgroup2", at: base, LINUX_MS_NOSUID | LINUX_MS_NODEV | LINUX_MS_NOEXEC)
        } catch let error as SystemError where error.errno == .noDevice && pids == nil {
            return
        }
        let controllers = try Files.readText("\(base)/cgroup.controllers").split { $0 == " " || $0 == "\n" }
        try write(controllers.map { "+\($0)" }.joined(separator: " "), to: "\(base)/cgroup.subtree_control")
        try Files.ensureDirectory(path)
        if let pids { try write("\(pids)", to: "\(path)/pids.max") }
    }

    /// Moves the calling process into it, and makes it the root of what the process sees.
    static func enter() throws {
        guard try join() else { return }
        try check(linux_unshare(LINUX_CLONE_NEWCGROUP), "unshare", on: "cgroup namespace")
    }

    /// Moves the calling process into it, of init's mount namespace; false where there is none.
    static func join() throws -> Bool {
        let group = "/proc/1/root\(path)"
        guard Files.exists(group) else { return false }
        try write("0", to: "\(group)/cgroup.procs")
        return true
    }

    private static func write(_ text: String, to path: String) throws {
        try Files.overwrite(path, with: Array(text.utf8))
    }
}
