import ArgumentParser
import Guest

struct DockerInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docker-init",
        abstract: "Be the first process of a container run with --init: start a command, reap, pass signals on.",
        discussion: """
            The guest has runcvm as /sbin/docker-init where `docker run --init` asks for one. Exits with the command's status
            (128+n for signal n); 127 where it is not found, 126 where it cannot be executed.

              runcvm docker-init -- /bin/sh -c 'exit 3' || echo $?
            """)

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String] = []

    func validate() throws {
        if command.isEmpty { throw ValidationError("no command; name one after --") }
    }

    func run() throws {
        throw ExitCode(CInt(try EngineInit(command).run()))
    }
}
