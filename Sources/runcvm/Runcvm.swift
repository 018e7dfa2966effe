import ArgumentParser
import Glibc
import HostNetwork
import Linux
import OCI

/// The tool's entry: finds the verb, runs it, and is the only place that prints an error or exits.
@main
struct Runcvm: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runcvm",
        abstract: "Run container images as Firecracker microVMs on the container's own networks.",
        discussion: """
            Each verb does one thing: it reads a JSON document on stdin, adds what it did, and writes it on stdout.

              runcvm net-plan | runcvm tap-create | runcvm bridge-alias | runcvm fc-config

            As an OCI runtime: docker run --runtime=runcvm IMAGE. Every verb is also a program by its own name, through
            a link: runcvm-net-plan, net-plan.
            """,
        version: "runcvm \(Version.text)",
        groupedSubcommands: [
            CommandGroup(
                name: "Network",
                subcommands: [
                    NetPlanCommand.self, TapCreateCommand.self, TapDeleteCommand.self, BridgeAliasCommand.self,
                    BridgeRestoreCommand.self, NATEnableCommand.self, NATDisableCommand.self,
                ]),
            CommandGroup(
                name: "Machine",
                subcommands: [
                    FCConfigCommand.self, FCBootCommand.self, VMExecCommand.self, VMConnectCommand.self,
                    RootfsBuildCommand.self, GuestInitCommand.self, GuestSessionCommand.self,
                    GuestCommandCommand.self, DockerInitCommand.self,
                ]),
            CommandGroup(
                name: "Engine",
                subcommands: [
                    RuntimeCommand.self, OCIAdaptCommand.self, StateSaveCommand.self, StateLoadCommand.self,
                    StateDeleteCommand.self,
                ]),
            CommandGroup(
                name: "Administration",
                subcommands: [
                    NetDrawCommand.self, NetCheckCommand.self, SchemaCommand.self, DoctorCommand.self, PsCommand.self,
                    LogsCommand.self, FCStopCommand.self, ManualCommand.self,
                ]),
        ])

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        let arguments = multicall(CommandLine.arguments)
        var name = "runcvm"
        do {
            if var command = PlainOptions.command(arguments) {
                name = "runcvm \(arguments[0])"
                try command.run()
            } else {
                var command = try parsed(arguments, for: &name)
                if let verb = type(of: command).configuration.commandName, verb != "runcvm" { name = "runcvm \(verb)" }
                try command.run()
            }
        } catch {
            Glibc.exit(report(error, name: name))
        }
    }

    /// `name`: what errors call the program.
    private static func parsed(_ arguments: [String], for name: inout String) throws -> any ParsableCommand {
        try VerbName.check(arguments, verbs: verbs)
        if let verb = arguments.first, verbs.contains(verb) { name += " \(verb)" }
        return try parseAsRoot(arguments)
    }

    /// The arguments with the verb in front, where the program was called by a verb's name.
    static func multicall(_ all: [String]) -> [String] {
        let arguments = Array(all.dropFirst())
        // As ssh and sshd call a shell: the words of the line are the verb and its arguments.
        if arguments.first == "-c", arguments.count == 2 {
            let words = arguments[1].split(separator: " ").map(String.init)
            return words.first == "exec" ? Array(words.dropFirst()) : words
        }
        guard var name = all.first?.split(separator: "/").last.map(String.init), name != "runcvm" else {
            return arguments
        }
        if name == "init" { return [GuestInitCommand.configuration.commandName ?? ""] + arguments }
        if name.hasPrefix("runcvm-") { name = String(name.dropFirst("runcvm-".count)) }
        return verbs.contains(name) ? [name] + arguments : arguments
    }

    static var verbs: [String] {
        configuration.subcommands.flatMap {
            [$0.configuration.commandName].compactMap(\.self) + $0.configuration.aliases
        }
    }

    /// Prints the error as one line and returns the exit code for it.
    private static func report(_ error: any Error, name: String) -> CInt {
        if let code = error as? ExitCode { return code.rawValue }
        let errors = (error as? SeveralErrors)?.errors ?? [error]
        if let first = errors.first, let status = ExitStatus.code(for: first) {
            for error in errors { Stderr.line("\(name): \(error)") }
            return status
        }
        // ArgumentParser's own: help and version on stdout with 0, a wrong command line on stderr with 64.
        let code = exitCode(for: error)
        if code == .success {
            print(fullMessage(for: error))
        } else if code == .failure {
            // No error of ArgumentParser's, and none that the table knows.
            Stderr.line("\(name): \(error); this is a defect of runcvm")
            return 70
        } else {
            let sentence = message(for: error).split(separator: "\n").joined(separator: " ")
            Stderr.line(
                "\(name): \(sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence); see \(name) --help")
        }
        return code.rawValue
    }
}

/// The one table from error to exit code (DESIGN: exit codes; sysexits.h(3head)).
enum ExitStatus {
    static func code(for error: any Error) -> CInt? {
        switch error {
        case let failure as Failure: code(for: failure.kind)
        case let system as SystemError:
            switch system.errno {
            case .notPermitted, .accessDenied: 77
            case .noSpace, Errno(EROFS), Errno(EDQUOT): 73
            case _ where ["creat", "mkdir", "rename"].contains(system.call): 73
            case .noEntry where ["open", "realpath"].contains(system.call): 66
            default: 71
            }
        default: nil
        }
    }

    private static func code(for kind: Failure.Kind) -> CInt {
        switch kind {
        case .usage: 64
        case .badInput: 65
        case .missingInput: 66
        case .unavailable: 69
        case .bug: 70
        case .cannotCreate: 73
        case .tryAgain: 75
        case .privilege: 77
        case .machine: 125
        }
    }
}

enum Stderr {
    static func line(_ text: String) {
        let bytes = [UInt8]((Failure.oneLine(text) + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}
