import Firecracker
import Glibc
import Linux
import OCI

/// The runtime's exec: the real runtime runs vm-exec in the VMM's jail, and that runs the process in the VM. With `---` in
/// front of it, a command runs in the jail, in the container's own namespaces, beside the VM.
struct RuntimeExec {
    let line: RuntimeCommandLine
    let directory: RunDirectory

    /// What `runc exec` says of the process, which a process.json says instead.
    private static let ofProcess: Set<String> = [
        "process", "p", "cwd", "env", "e", "tty", "t", "user", "u", "additional-gids", "g", "cap", "c", "no-new-privs",
        "apparmor", "process-label",
    ]

    /// The real runtime's arguments, and files: one that is to go when it has ended, one too where it has failed.
    func prepare() throws -> (arguments: [String], adapted: String, request: String) {
        let wanted = try process()
        let user = try directory.vmUser()
        let name = "exec-\(getpid()).json"
        let (request, adapted) = ("\(directory.vm)/\(name)", "\(directory.path)/\(name)")
        let arguments = wanted["args"]?.array?.compactMap(\.string) ?? []
        let process: JSONValue
        if arguments.first == "---" {
            guard arguments.count > 1 else { throw Failure(.usage, "exec ---: no command after it") }
            process = JailConfig.process(wanted, inJail: Array(arguments.dropFirst()))
        } else {
            try Files.create(request, with: try wanted.serialized(), owner: user)
            process = JailConfig.process(
                wanted, user: user,
                command: ["vm-exec", "--process", "\(JailConfig.directory)/\(name)", JailConfig.machine])
        }
        try Files.overwrite(adapted, with: try process.serialized())
        let kept = line.options.filter { !Self.ofProcess.contains($0.name) }.flatMap(\.given)
        let id = line.id.map { [$0] } ?? []
        return (line.globalArguments + ["exec"] + kept + ["--process", adapted] + id, adapted, request)
    }

    /// What a process.json leaves out is as for the container's own process, as with runc (libcontainer: newInitConfig).
    static func completed(_ given: JSONValue, from container: JSONValue) -> JSONValue {
        var process = given
        for key in ["capabilities", "rlimits", "noNewPrivileges"] where given[key] == nil {
            process[key] = container[key]
        }
        return process
    }

    private func option(_ names: String...) -> RuntimeCommandLine.Option? {
        line.options.last { names.contains($0.name) }
    }

    private func values(_ names: String...) -> [String] {
        line.options.filter { names.contains($0.name) }.compactMap(\.value)
    }

    /// The engine's process.json; or the container's own process with a command and options from the command line.
    private func process() throws -> JSONValue {
        let config = try JSONValue(parsing: try Files.read(directory.config), subject: directory.config)
        var process = config["process"] ?? .object([:])
        if let path = option("process", "p")?.value {
            let given = try JSONValue(parsing: try Files.read(path), subject: path)
            return Self.completed(given, from: process)
        }
        guard !line.command.isEmpty else { throw Failure(.usage, "exec: no command, and no --process") }
        process["args"] = .array(line.command.map { .string($0) })
        process["terminal"] = .bool(option("tty", "t").map { $0.value != "false" } ?? false)
        process["env"] = .array((process["env"]?.array ?? []) + values("env", "e").map { .string($0) })
        if let folder = option("cwd")?.value { process["cwd"] = .string(folder) }
        if let user = option("user", "u")?.value {
            let numbers = user.split(separator: ":").map { Int64($0) }
            guard let uid = numbers.first ?? nil, numbers.count <= 2, !numbers.contains(nil) else {
                throw Failure(.usage, "exec --user \(user): not UID or UID:GID")
            }
            process["user"] = ["uid": .integer(uid), "gid": .integer(numbers.count == 2 ? numbers[1] ?? 0 : 0)]
        }
        return process
    }
}
