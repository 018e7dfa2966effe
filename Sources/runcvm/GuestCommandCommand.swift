import ArgumentParser
import Glibc
import Guest
import OCI

struct GuestCommandCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest-command",
        abstract: "Become the container's command: only for the unit runcvm-command.service in a VM.",
        discussion: """
            With RUNCVM_SYSTEMD=true the container's command is a unit of the image's systemd, which runs this.

              ExecStart=/run/runcvm/runcvm guest-command
              ExecStopPost=/run/runcvm/runcvm guest-command --ended
            """)

    @Flag(help: "Tell the command's end, as $EXIT_CODE and $EXIT_STATUS say it.")
    var ended = false

    func run() throws {
        guard ended else { try UnitCommand.start() }
        guard let code = getenv("EXIT_CODE"), let status = getenv("EXIT_STATUS") else {
            throw Failure(.usage, "EXIT_CODE and EXIT_STATUS are not set: systemd sets them for ExecStopPost=")
        }
        try UnitCommand.end(code: String(cString: code), status: String(cString: status))
    }
}
