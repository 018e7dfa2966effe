import CLinux
import Glibc
import Linux
import OCI

/// Becomes the image's process: the steps between fork(2) and execve(2), in runc's order
/// (libcontainer/standard_init_linux.go, init_linux.go: finalizeNamespace).
struct ContainerProcess {
    let process: OCIProcess
    private var uid: UInt32 { process.user?.uid ?? 0 }
    private var gid: UInt32 { process.user?.gid ?? 0 }

    init(_ process: OCIProcess) { self.process = process }

    /// What needs init's /proc, before the root changes.
    func setLimits() throws {
        if let adjustment = process.oomScoreAdj {
            try Files.overwrite("/proc/self/oom_score_adj", with: Array("\(adjustment)".utf8))
        }
        for limit in process.rlimits ?? [] {
            guard try ResourceLimits.set(limit.type, soft: limit.soft, hard: limit.hard) else {
                throw StartFailure("process.rlimits: \(limit.type) is not a resource limit of Linux")
            }
        }
    }

    /// The working directory, made if it is missing. Before the root may become read-only.
    func makeWorkingDirectory() throws {
        guard process.cwd.hasPrefix("/") else { throw StartFailure("process.cwd: \"\(process.cwd)\" is not absolute") }
        if !Files.exists(process.cwd) { try ImagePath.ensureDirectory(process.cwd) }
    }

    /// So that the user may open /dev/stdout again by its name.
    func ownStdio() {
        for descriptor in CInt(0)...2 {
            // A read-only or foreign file stays as it is, as with runc.
            _ = fchown(descriptor, uid, gid_t.max)
        }
    }

    /// Takes on the user, and starts the program, perhaps with a signal that waits until the program takes it. Returns only by
    /// throwing.
    func run(blocking signal: CInt? = nil) throws -> Never {
        let environment = try completeEnvironment()
        if process.noNewPrivileges == true {
            try check(linux_prctl(LINUX_PR_SET_NO_NEW_PRIVS, 1, 0), "PR_SET_NO_NEW_PRIVS", on: "process")
        }
        try becomeUser()
        umask(process.user?.umask ?? 0o022)

        guard let name = process.args?.first else { throw StartFailure("process.args: empty; there is nothing to run") }
        let path = environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) } ?? ""
        let program = try ProgramSearch.find(name, path: path, probe: Self.probe)
        linux_reset_signals()
        if let signal { try check(linux_block_signal(signal), "sigprocmask", on: "signal \(signal)") }
        var arguments = (process.args ?? []).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        execve(program, &arguments, &variables)
        throw StartFailure(exec: program, .current)
    }

    private func becomeUser() throws {
        // A set that is not there is an empty one; without any sets nothing is taken away.
        if let sets = process.capabilities { try CapabilitySets.limitBounding(to: sets.bounding ?? []) }
        // setuid(2) clears the capabilities that apply below shall set.
        if process.capabilities != nil {
            try check(linux_prctl(LINUX_PR_SET_KEEPCAPS, 1, 0), "PR_SET_KEEPCAPS", on: "1")
        }
        // root may enter where the user may not, and (on NFS) the other way round.
        let early = chdir(process.cwd) == 0
        let groups = process.user?.additionalGids ?? []
        try check(linux_set_user(uid, gid, groups, UInt(groups.count)), "setuid", on: "\(uid):\(gid)")
        if !early { try checked("chdir", on: process.cwd) { Int(chdir(process.cwd)) } }
        guard let capabilities = process.capabilities else { return }
        try check(linux_prctl(LINUX_PR_SET_KEEPCAPS, 0, 0), "PR_SET_KEEPCAPS", on: "0")
        try CapabilitySets.apply(
            permitted: capabilities.permitted ?? [], effective: capabilities.effective ?? [],
            inheritable: capabilities.inheritable ?? [], ambient: capabilities.ambient ?? [])
    }

    /// The environment with HOME, which engines leave to the runtime.
    private func completeEnvironment() throws -> [String] {
        let given = process.env ?? []
        if given.contains(where: { $0.hasPrefix("HOME=") && $0 != "HOME=" }) { return given }
        return given.filter { $0 != "HOME=" } + ["HOME=\(PasswdFile(reading: "/etc/passwd").home(of: uid))"]
    }

    /// As Go's findExecutable.
    static func probe(_ path: String) -> Errno? {
        var status = stat()
        guard stat(path, &status) == 0 else { return .current }
        if status.st_mode & S_IFMT == S_IFDIR { return Errno(EISDIR) }
        return access(path, X_OK) == 0 ? nil : .current
    }
}
