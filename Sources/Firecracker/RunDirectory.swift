import CLinux
import Glibc
import Linux
import OCI
import Plan

/// A container's folder under /run/runcvm, mode 0700. What is in it lives as long as the container runs.
///
///     state.json        the document on the pipe, as hooks/prestart left it
///     config.json       the container's own config.json, before oci-adapt
///     engine            who called create, and sees to the container's end: `PID START` (proc_pid_stat(5), starttime)
///     machine.json      the document's `machine`, for fc-boot          ┐ seen by the VMM, in its jail
///     firecracker.json  Firecracker's configuration                    │
///     guest.json        what the guest's init makes of the machine     │
///     vm/               sockets and the console's log                  ┘
///     jail/             the root folder of the VMM: mount points only
public struct RunDirectory: Sendable {
    public static let base = "/run/runcvm"
    static let storageBase = "/var/lib/runcvm/containers"
    public let id: String
    public var path: String { "\(Self.base)/\(id)" }

    /// All that are there, by id.
    public static func all() -> [RunDirectory] {
        let names = (try? Files.list(base)) ?? []  // None is there before the first.
        return names.filter { !$0.hasPrefix(".") }.compactMap { try? RunDirectory(id: $0) }  // No VM has another name.
    }

    public init(id: String) throws {
        try ContainerID.validate(id, at: "container.id")
        self.id = id
    }

    public var state: String { "\(path)/state.json" }
    public var config: String { "\(path)/config.json" }
    private var engine: String { "\(path)/engine" }
    public var machine: String { "\(path)/machine.json" }
    public var firecracker: String { "\(path)/firecracker.json" }
    public var guest: String { "\(path)/guest.json" }
    public var vm: String { "\(path)/vm" }
    public var jail: String { "\(path)/jail" }

    /// For an image and a disk that have no place beside the container's own layer: gone when it stops.
    public var storage: String { "\(Self.storageBase)/\(id)" }

    public var exists: Bool { Files.exists(path) }
    /// oci-adapt has made this container's jail.
    public var isJailed: Bool { Files.exists(jail) }

    /// Held while a hook is at work, and by it: a runtime may be killed amid a hook, and the hook go on (flock(2)).
    ///
    /// Waits for whoever has it; who has it for longer than so many seconds is killed, and `warn` told: what a hook has
    /// done is undone by what it saved before. nil where the folder is not there.
    public func lock(limit seconds: Int, warn: (String) -> Void) throws -> Descriptor? {
        guard let folder = try open() else { return nil }
        if try take(folder, limit: seconds) { return folder }
        for process in RunningProcess.holdingLock(on: path) {
            warn(
                "\(process.command) (process \(process.pid)), of a hook, has not ended after \(seconds) s, and is killed"
            )
            kill(process.pid, SIGKILL)
        }
        if try take(folder, limit: 10) { return folder }
        throw Failure(.tryAgain, "\(path): locked by a process that does not end")
    }

    /// The same at once or not at all.
    public func lockIfFree() throws -> Descriptor? {
        guard let folder = try open(), try take(folder, limit: 0) else { return nil }
        return folder
    }

    private func open() throws -> Descriptor? {
        do {
            return try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
        } catch let error as SystemError where error.errno == .noEntry {
            return nil
        }
    }

    private func take(_ folder: Descriptor, limit seconds: Int) throws -> Bool {
        let result = linux_flock_within(folder.raw, UInt32(seconds))
        return result == -EWOULDBLOCK ? false : try check(result, "flock", on: path) == 0
    }

    /// Remembers our parent, an engine's shim or monitor.
    public func noteEngine() throws {
        if let parent = Self.identity(of: getppid()) { try Files.overwrite(engine, with: Array(parent.utf8)) }
    }

    /// Without a note it may be there still.
    private var engineHasGone: Bool {
        guard let noted = try? Files.readText(engine),
            let pid = noted.split(separator: " ").first.flatMap({ pid_t($0) })
        else { return false }
        return Self.identity(of: pid) != noted
    }

    /// A number is another's some time after its process has ended; its start tells them apart.
    private static func identity(of pid: pid_t) -> String? {
        guard let status = try? Files.readText("/proc/\(pid)/stat"), let name = status.lastIndex(of: ")") else {
            return nil
        }
        // From the state on, which is the third.
        let fields = status[name...].split(separator: " ").dropFirst()
        return fields.count > 19 ? "\(pid) \(fields[fields.startIndex + 19])" : nil
    }

    /// Whether its VMM was started, or was about to be, and has gone, and so has who would call delete; for who holds the lock.
    public func isOrphaned() throws -> Bool {
        guard isJailed, engineHasGone, Files.exists(state),
            let pid = try VMState(parsing: try Files.read(state), subject: state).container().pid
        else { return false }
        // The number may be another's by now: the VMM's root has our machine.json, bound by its inode.
        var (theirs, ours) = (stat(), stat())
        guard stat("/proc/\(pid)/root\(JailConfig.machine)", &theirs) == 0, stat(machine, &ours) == 0 else {
            return true
        }
        return theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino
    }

    public func create() throws {
        try Files.ensureDirectory(path, mode: 0o700)
    }

    /// Keeps the document in `state`. Undoes itself where it fails.
    public func save(_ document: VMState) throws {
        try Journal.run { journal in
            try Files.ensureDirectory(Self.base, mode: 0o700)
            try journal.ensureDirectory(path, mode: 0o700)
            try journal.recordFile(state)
            try Files.replace(state, with: try document.serialized())
        }
    }

    public func delete() throws {
        try Files.deleteTree(storage)
        try Files.deleteTree(path)
    }

    /// Who runs the VMM: the owner of `vm/`, or this user where the administrator boots by hand.
    public func vmUser() throws -> UInt32 {
        var status = stat()
        guard stat(vm, &status) == 0 else { return geteuid() }
        return status.st_uid
    }

    /// The container's own configuration: as saved by oci-adapt, else the bundle's.
    public func originalConfig(bundle: String?) throws -> OCIConfig? {
        let candidates = [config] + (bundle.map { ["\($0)/config.json"] } ?? [])
        guard let path = candidates.first(where: Files.exists) else { return nil }
        return try OCIConfig(document: JSONValue(parsing: Files.read(path), subject: path))
    }
}

/// A user of its own for each VM, without a name and without rights, so that no VMM can touch another's files.
public enum VMUser {
    /// 1,000,000,000 and up, by a digest of the container's id: beyond the ranges of useradd(8) and of subuid(5).
    public static func id(for container: String) -> UInt32 {
        1_000_000_000 + UInt32(Digest.fnv1a64(container.utf8) >> 36)
    }
}
