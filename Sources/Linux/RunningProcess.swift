import Glibc

/// A process, as /proc shows it (proc(5)).
public struct RunningProcess: Sendable {
    public let pid: pid_t
    /// Its process group.
    public let group: pid_t
    /// Its program, without the folder, and arguments.
    public let command: String

    /// Those that `wanted` picks, by pid. One that ends meanwhile may be left out.
    public static func all(where wanted: (RunningProcess) -> Bool) -> [RunningProcess] {
        let pids = ((try? Files.list("/proc")) ?? []).compactMap { pid_t($0) }.sorted()
        return pids.compactMap(RunningProcess.init).filter(wanted)
    }

    /// Those that hold a lock of flock(2) on a path by an open file of theirs.
    public static func holdingLock(on path: String) -> [RunningProcess] {
        all { process in
            let files = (try? Files.list("/proc/\(process.pid)/fd")) ?? []
            return files.contains { file in
                guard Files.readLink("/proc/\(process.pid)/fd/\(file)") == path else { return false }
                return (try? Files.readText("/proc/\(process.pid)/fdinfo/\(file)"))?.contains("FLOCK") == true
            }
        }
    }

    private init?(pid: pid_t) {
        guard let line = try? Files.read("/proc/\(pid)/cmdline"), let status = try? Files.readText("/proc/\(pid)/stat")
        else { return nil }
        // The name in parentheses may hold anything; then state, parent, group.
        let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
        guard fields.count > 3, let group = pid_t(fields[3]) else { return nil }
        var words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        if let program = words.first?.split(separator: "/").last { words[0] = String(program) }
        self.pid = pid
        self.group = group
        command = words.joined(separator: " ")
    }
}
