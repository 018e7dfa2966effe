import ArgumentParser
import Firecracker
import Glibc
import Linux
import OCI
import Plan

struct VMExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vm-exec",
        abstract: "Run a command in a running VM, as `docker exec` does, with its exit status.",
        discussion: """
            stdin, stdout and stderr are the command's; signals go to it. Exits with its status (128+n for signal n), 126 where
            it cannot be executed, 127 where it is not found, 125 where the VM is lost.

              runcvm vm-exec vm.json uname -r
              runcvm vm-exec --tty web /bin/sh
              runcvm vm-exec --sidecar web /bin/runcvm --version
            """)

    @Flag(name: [.customShort("t"), .long], help: "Give the command a terminal. stdin must be one.")
    var tty = false

    @Option(name: [.customShort("u"), .long], help: "The command's UID or UID:GID, as numbers. Default: 0:0")
    var user: String = "0"

    @Option(name: [.customShort("w"), .long], help: "The command's working directory, which must exist.")
    var workdir: String = "/"

    @Option(name: [.customShort("e"), .long], help: "NAME=VALUE for the command's environment. May be repeated.")
    var env: [String] = []

    @Flag(help: "Beside the image, in the sidecar's own root: there is /bin/runcvm, and no other program.")
    var sidecar = false

    @Option(help: "An OCI process.json that says all of this instead. It is deleted.")
    var process: String?

    @Argument(help: "The VM: its container's id, or the document that fc-config wrote.")
    var machine: String

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let directory = machine.contains("/") || Files.exists(machine) ? nil : try RunDirectory(id: machine)
        let path = directory?.machine ?? machine
        guard Files.exists(path) else {
            throw Failure(.missingInput, "\(machine): no such VM, and no such document")
        }
        guard var machine = try VMState(parsing: try Files.read(path), subject: path).machine() else {
            throw Failure.badInput("machine", "missing in \(path); fc-config adds it")
        }
        // A jail's document names paths as its VMM sees them.
        if let directory { machine.directory = directory.vm }
        let wanted = try process.map { try take($0) } ?? byHand()
        let installation = try Installation(environment: ProcessEnvironment.all)
        throw ExitCode(
            CInt(
                try VMExec(
                    machine, process: wanted, inSidecar: sidecar, installation: installation
                ).run()))
    }

    /// The engine's process, with the limits that a container's process inherits from the engine, as ours did.
    private func take(_ path: String) throws -> OCIProcess {
        let text = try Files.read(path)
        unlink(path)
        var process: OCIProcess = try JSONValue(parsing: text, subject: path).decoded(at: "process.json")
        process.rlimits = try MachineBuilder.withInherited(process.rlimits ?? [])
        return process
    }

    private func byHand() throws -> OCIProcess {
        guard !command.isEmpty else { throw Failure(.usage, "no command; name one after the VM") }
        let numbers = user.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard let uid = numbers.first ?? nil, numbers.count <= 2, !numbers.contains(nil) else {
            throw Failure(.usage, "--user \(user): not UID or UID:GID; names are the image's")
        }
        let path = env.contains { $0.hasPrefix("PATH=") } ? [] : [OCIProcess.defaultPath]
        return OCIProcess(
            args: command, env: path + env, cwd: workdir,
            user: OCIUser(uid: uid, gid: numbers.count == 2 ? numbers[1] ?? 0 : 0), terminal: tty)
    }
}
