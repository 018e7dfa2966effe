import Firecracker
import Glibc
import Linux
import OCI

/// An OCI runtime around a real one: crun or runc does the work, on a config.json and with hooks of ours.
struct Runtime {
    let line: RuntimeCommandLine
    let environment: [String: String]
    let real: String
    /// For how many seconds a hook may be at work, or the real runtime at an answer: less than one is usual, more where many
    /// start at once.
    private let hookLimit: Int

    init(_ line: RuntimeCommandLine, environment: [String: String]) throws {
        self.line = line
        self.environment = environment
        real = try Self.find(environment)
        let limit = environment["RUNCVM_HOOK_TIMEOUT"] ?? "120"
        guard let seconds = Int(limit), (1...86400).contains(seconds) else {
            throw Failure(.usage, "RUNCVM_HOOK_TIMEOUT=\(limit): not a number of seconds")
        }
        hookLimit = seconds
    }

    /// Runs the verb. Returns the exit status, or never where the real runtime takes this process over.
    func run() throws -> Int {
        switch line.verb {
        case "create": return try create()
        case "run": throw Failure(.unavailable, "run is not supported; use create and start")
        case "start": return try start()
        case "exec": return try exec()
        case "delete": return try delete()
        default: return try passThrough()
        }
    }

    private func create() throws -> Int {
        let id = try requiredID()
        let bundle = try line.bundle ?? currentDirectory()
        let directory = try RunDirectory(id: id)
        let adapter = try BundleAdapter(id: id, bundle: bundle, environment: environment)
        if directory.exists, try !adapter.isAdapted() {
            // The real runtime refuses an id that it has, but knows nothing of another engine's. Else this is what a crash has
            // left of an earlier container.
            if try state(of: id).status == 0 { return try passThrough() }
            try adapter.checkID()
            try undo(directory)
        }
        undoOrphans()
        var committed = false
        let restore = try adapter.adaptInPlace()
        defer { if !committed { try? directory.delete() } }  // The real runtime has said what went wrong.
        if directory.isJailed { try directory.noteEngine() }
        let status = try child(line.arguments).runInPlace()
        // The real runtime has its own copy, and Podman reads the file again, as for what an exec may do.
        try restore()
        committed = status == 0
        return status
    }

    /// Networks are complete at start in every engine, and not before: hooks/prestart runs now, then the real start.
    private func start() throws -> Int {
        let id = try requiredID()
        let directory = try RunDirectory(id: id)
        if directory.isJailed {
            let lock = try lock(directory)
            let state = try state(of: id)
            guard state.status == 0 else {
                throw Failure(.unavailable, "state \(id): \(state.reason)")
            }
            try runHook("prestart", state: state.output, holding: lock)
        }
        return try passThrough()
    }

    private func exec() throws -> Int {
        if let id = line.id, try RunDirectory(id: id).isJailed {
            let call = try RuntimeExec(line: line, directory: RunDirectory(id: id)).prepare()
            let status = try child(call.arguments).runInPlace()
            unlink(call.adapted)
            // Else vm-exec has read and deleted it.
            if status != 0 { unlink(call.request) }
            return status
        }
        return try passThrough()
    }

    /// Comes twice, the second time by force: what is gone already is fine.
    private func delete() throws -> Int {
        let id = try requiredID()
        let directory = try RunDirectory(id: id)
        // After a refused create: the id is another engine's.
        if directory.exists, try ListedVM.isRunning(id), try state(of: id).status != 0 { return try passThrough() }
        let status = try child(line.arguments).runInPlace()
        if status == 0 || line.force { try undo(directory) }
        return status
    }

    private func undo(_ directory: RunDirectory) throws {
        if let lock = try lock(directory) { try undo(directory, holding: lock) }
    }

    private func undo(_ directory: RunDirectory, holding lock: Descriptor) throws {
        let state = try JSONValue(encoding: OCIState(id: directory.id, status: "stopped")).serialized()
        do {
            try runHook("poststop", state: state, holding: lock)
        } catch let failure as Failure where failure.kind != .tryAgain {
            // Once more: it may have been killed, and after a delete that failed nobody stops the engine's shim.
            try runHook("poststop", state: state, holding: lock)
        }
    }

    /// Containers whose VMM has gone, and their engine's shim with it: it was killed, and nobody called delete.
    private func undoOrphans() {
        for directory in RunDirectory.all() where directory.id != line.id {
            do {
                guard let lock = try directory.lockIfFree(), try directory.isOrphaned() else { continue }
                let root = line.root.map { ["--root", $0] } ?? []
                _ = try toItsEnd(child(root + ["delete", "--force", directory.id]), real)
                try undo(directory, holding: lock)
            } catch {
                Stderr.line("runcvm runtime: container \(directory.id), which has ended: \(error)")
            }
        }
    }

    private func lock(_ directory: RunDirectory) throws -> Descriptor? {
        try directory.lock(limit: hookLimit) { Stderr.line("runcvm runtime: \($0)") }
    }

    private func passThrough() throws -> Int {
        try child(line.arguments).replaceThisProcess()
    }

    /// The hook and its verbs hold the lock until the last of them has ended, also after this process.
    private func runHook(_ name: String, state: [UInt8], holding lock: Descriptor?) throws {
        let installation = try Installation(environment: environment)
        var variables = environment
        variables["PATH"] = "\(installation.directory):\(environment["PATH"] ?? Self.path)"
        let hook = ChildProcess(
            try installation.hook(name), [], environment: variables.map { "\($0)=\($1)" }, input: state)
        let outcome = try toItsEnd(hook, "hooks/\(name)", holding: lock)
        let lines = outcome.errors.split(separator: "\n").map(String.init)
        guard outcome.status == 0 else {
            let said = lines.first ?? "exit \(outcome.status)"
            // Those after a killed one say only that they had nothing to read.
            let reason = outcome.status > 128 ? "a program of it was killed by signal \(outcome.status - 128)" : said
            throw Failure(HookStatus.kind(outcome.status), "hooks/\(name): \(reason)")
        }
        for warning in lines {
            Stderr.line(warning)
            try? line.log(warning, .warning)
        }
    }

    /// The real runtime's answer, from a process of its own.
    private func state(of id: String) throws -> ChildProcess.Outcome {
        try toItsEnd(child(line.globalArguments + ["state", id]), real)
    }

    /// Throws where it takes longer than a hook may; then it is killed, with all that it started.
    private func toItsEnd(
        _ child: ChildProcess, _ name: String, holding lock: Descriptor? = nil
    ) throws -> ChildProcess.Outcome {
        var hanging = "it"
        let outcome = try child.run(limit: hookLimit, passing: lock) { processes in
            // Of a pipe the first that is left is the one for which all others wait.
            hanging = (processes.dropFirst().first ?? processes.first)?.command ?? hanging
        }
        guard let outcome else {
            throw Failure(
                .tryAgain, "\(name): \(hanging) has not ended after \(hookLimit) s; RUNCVM_HOOK_TIMEOUT allows more")
        }
        return outcome
    }

    private func child(_ arguments: [String]) -> ChildProcess {
        ChildProcess(real, arguments, environment: environment.map { "\($0)=\($1)" })
    }

    private func requiredID() throws -> String {
        guard let id = line.id else { throw Failure(.usage, "\(line.verb ?? ""): the container's id is missing") }
        return id
    }

    private func currentDirectory() throws -> String {
        guard let path = getcwd(nil, 0) else { throw SystemError("getcwd", on: ".", .current) }
        defer { free(path) }
        return String(cString: path)
    }

    private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private static func find(_ environment: [String: String]) throws -> String {
        let path = environment["PATH"] ?? Self.path
        if let named = environment["RUNCVM_OCI_RUNTIME"], !named.isEmpty {
            let place = named.contains("/") ? "" : " on PATH (\(path))"
            guard let found = Files.findProgram(named, path: path) else {
                throw Failure(
                    .unavailable,
                    "RUNCVM_OCI_RUNTIME=\(named): no such program\(place); apt-get install crun, or leave it out")
            }
            if (try? OverlayMount.realPath(found)) == (try? OverlayMount.realPath("/proc/self/exe")) {
                throw Failure(.usage, "RUNCVM_OCI_RUNTIME=\(named): runcvm itself; name crun or runc, or leave it out")
            }
            return found
        }
        for name in ["crun", "runc"] {
            if let found = Files.findProgram(name, path: path) { return found }
        }
        throw Failure(
            .unavailable,
            "neither crun nor runc found on PATH (\(path)); apt-get install crun, or set RUNCVM_OCI_RUNTIME")
    }
}

/// From a hook's exit status back to the kind of failure that it stands for.
enum HookStatus {
    static func kind(_ status: Int) -> Failure.Kind {
        switch status {
        case 64: .usage
        case 65: .badInput
        case 66: .missingInput
        case 69: .unavailable
        case 73: .cannotCreate
        case 75: .tryAgain
        case 77: .privilege
        default: .bug
        }
    }
}
