import Linux

/// Why the image's process cannot run, with the exit status that `docker run` gives for it.
struct StartFailure: Error, Equatable {
    var message: String
    /// 126: not executable; 127: not found; 125: anything else.
    var status: Int

    init(_ message: String, status: Int = 125) {
        self.message = message
        self.status = status
    }

    /// execve(2)'s refusal. The words are those of Go's os/exec, by which engines know the case.
    init(exec name: String, _ errno: Errno) {
        let reason = errno == .noEntry ? "no such file or directory" : "\(errno)"
        self.init("exec: \"\(name)\": \(reason)", status: errno == .noEntry ? 127 : 126)
    }

    init(_ error: any Error) {
        self = error as? StartFailure ?? StartFailure("\(error)")
    }
}

/// Finds the program to run, as Go's exec.LookPath does for runc.
enum ProgramSearch {
    /// `probe` tells whether a path can be executed: nil, or why not. An empty folder in PATH is the current one.
    static func find(_ name: String, path: String, probe: (String) -> Errno?) throws -> String {
        if name.contains("/") {
            if let errno = probe(name) { throw StartFailure(exec: name, errno) }
            return name
        }
        let folders = path.split(separator: ":", omittingEmptySubsequences: false)
        let candidates = name.isEmpty ? [] : folders.map { $0.isEmpty ? "./\(name)" : "\($0)/\(name)" }
        guard let found = candidates.first(where: { probe($0) == nil }) else {
            throw StartFailure("exec: \"\(name)\": executable file not found in $PATH", status: 127)
        }
        return found
    }
}
