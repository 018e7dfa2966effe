import CLinux
import Glibc
import Linux
import OCI
import Plan

/// One VM of this host, Docker's or made by hand: what its folder in /run/runcvm and /proc tell.
public struct ListedVM: Encodable, Sendable {
    public enum State: String, Encodable, Sendable {
        /// Its folder is there; nothing is planned yet.
        case prepared
        case planned
        /// fc-config has written its files; it does not run.
        case configured
        case running
    }

    public var id: String
    public var state: State
    /// fc-boot's, which takes signals for the VM.
    public var pid: Int?
    /// Firecracker's.
    public var firecracker: Int?
    /// For how many seconds it runs.
    public var seconds: Int?
    public var vcpus: Int?
    /// In MiB.
    public var memory: Int?
    public var mode: NetworkPlan.Mode?
    public var addresses: [IPPrefix]
    public var bundle: String?

    /// All of them, by id. No folder: none.
    public static func all() throws -> [ListedVM] {
        guard Files.exists(RunDirectory.base) else { return [] }
        let processes = try FirecrackerProcess.all()
        return try Files.list(RunDirectory.base).filter { !$0.hasPrefix(".") }.compactMap { name in
            guard let directory = try? RunDirectory(id: name) else { return nil }  // No VM has such a name.
            return try ListedVM(directory, processes)
        }
    }

    /// Whether a VM of this very id runs.
    public static func isRunning(_ id: String) throws -> Bool {
        try all().contains { $0.id == id && $0.state == .running }
    }

    /// The one with that id, or whose id alone begins so.
    public static func find(_ word: String) throws -> ListedVM {
        let all = try all()
        if let exact = all.first(where: { $0.id == word }) { return exact }
        let matches = all.filter { !word.isEmpty && $0.id.hasPrefix(word) }
        guard let match = matches.first else {
            throw Failure(.missingInput, "no VM '\(word)'; runcvm ps lists them")
        }
        guard matches.count == 1 else {
            throw Failure(.usage, "'\(word)' begins the ids of \(matches.count) VMs; give more of it")
        }
        return match
    }

    private init(_ directory: RunDirectory, _ processes: [FirecrackerProcess]) throws {
        id = directory.id
        // machine.json has the same network and the machine, but is empty until fc-config.
        let documents = try [directory.machine, directory.state].compactMap { try Self.document($0) }
        let machine = try documents.lazy.compactMap { try $0.machine() }.first
        let network = try documents.first?.network()
        let process = processes.first { $0.runs(directory) }
        state = process != nil ? .running : machine != nil ? .configured : documents.isEmpty ? .prepared : .planned
        pid = process?.parent
        firecracker = process?.pid
        seconds = process?.seconds
        vcpus = machine?.vcpus
        memory = machine?.memory
        mode = network?.mode
        addresses = network?.nics.flatMap(\.addresses) ?? []
        bundle = try documents.lazy.compactMap { try $0.container().bundle }.first
    }

    /// nil where it is not there, or no document yet; a folder may go while we look.
    private static func document(_ path: String) throws -> VMState? {
        do {
            let text = try Files.read(path)
            return try? VMState(parsing: text, subject: path)
        } catch let error as SystemError where error.errno == .noEntry {
            return nil
        }
    }
}

/// A Firecracker that fc-boot has started (proc(5)).
struct FirecrackerProcess {
    let pid: Int
    let parent: Int
    let seconds: Int
    private let config: String

    static func all() throws -> [FirecrackerProcess] {
        let uptime = Double(try Files.readText("/proc/uptime").prefix { $0 != " " }) ?? 0
        return try Files.list("/proc").compactMap { Int($0) }.compactMap { FirecrackerProcess(pid: $0, uptime: uptime) }
    }

    /// nil for any other process, and for one that ends meanwhile.
    private init?(pid: Int, uptime: Double) {
        guard let line = try? Files.read("/proc/\(pid)/cmdline"), let status = try? Files.readText("/proc/\(pid)/stat")
        else { return nil }
        let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        let own = Array(arguments.suffix(5))
        guard own.count == 5, own[0] == "--no-api", own[1] == "--config-file", own[3] == "--id" else { return nil }
        config = own[2]
        // The name in parentheses may hold anything.
        let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
        guard fields.count > 20, let parent = Int(fields[2]), let ticks = Double(fields[20]) else { return nil }
        self.pid = pid
        self.parent = parent
        seconds = max(0, Int(uptime - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))))
    }

    /// By its configuration file, which a jail has bound by its inode, under another name.
    func runs(_ directory: RunDirectory) -> Bool {
        var (theirs, ours) = (stat(), stat())
        guard stat("/proc/\(pid)/root\(config)", &theirs) == 0, stat(directory.firecracker, &ours) == 0 else {
            return false
        }
        return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino
    }
}

extension ListedVM {
    /// Sends a signal to the VM's process, and after so many seconds ends the VM. Returns when it has gone; one that does not
    /// run is fine.
    public func stop(signal: CInt, limit seconds: Int) throws {
        guard let pid else { return }
        let process = try Descriptor(
            owning: check(linux_pidfd_open(CInt(pid)), "pidfd_open", on: String(pid)), name: "pidfd")
        // By now the number may be another's: what the descriptor holds must still be this VM's.
        guard try ListedVM.all().contains(where: { $0.id == id && $0.pid == pid }) else { return }
        for (number, limit) in [(signal, seconds * 1000), (SIGKILL, -1)] {
            let sent = linux_pidfd_signal(process.raw, number)
            if sent == -ESRCH { return }
            try check(sent, "pidfd_send_signal", on: String(pid))
            var ended = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
            if try checked("poll", on: "pidfd", { Int(poll(&ended, 1, CInt(limit))) }) > 0 { return }
        }
    }
}
