import ArgumentParser
import Guest

struct GuestSessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest-session",
        abstract: "Be an SSH session in the guest: only for the sidecar.",
        discussion: """
            In the guest runcvm is root's shell, as which Dropbear's server runs it with the id of what to run.

              runcvm guest-session 8d4cbb9e6f2a4d0f9b1f0c7a5e3d2c1b
            """)

    @Argument(help: "The request's id.")
    var id: String

    func run() throws {
        throw ExitCode(CInt(try ExecSession(id: id).run()))
    }
}
