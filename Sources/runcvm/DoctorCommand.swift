import ArgumentParser
import Firecracker
import OCI

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check that this host can run VMs: a line for each thing, with the remedy.",
        discussion: """
            ✓ is as needed, ✗ is not, ! is what only some features need. It boots a VM of its own, makes a network in a
            namespace of its own, and leaves both behind no trace; it changes no setting. Exits with 1 where there is a ✗.

              runcvm doctor
              runcvm doctor --no-boot --json | jq '.checks[] | select(.state != "ok")'
            """)

    @Flag(help: "Print a JSON document: ok, and checks with name, state (ok, note, fault), detail, remedy.")
    var json = false

    @Flag(help: "Boot no VM.")
    var noBoot = false

    @Option(help: "How many seconds the VM may take.")
    var bootLimit = 60

    private struct Report: Encodable {
        var ok: Bool
        var checks: [Finding]
    }

    func validate() throws {
        if !(1...3600).contains(bootLimit) { throw ValidationError("--boot-limit \(bootLimit): not 1 to 3600 seconds") }
    }

    func run() throws {
        let environment = ProcessEnvironment.all
        let path = ProcessEnvironment.path
        let installation = try Installation(environment: environment)
        let checks =
            MachineFindings(
                installation: installation, environment: environment, bootLimit: noBoot ? nil : bootLimit
            ).all() + NetworkFindings(path: path).all()
            + EngineFindings(installation: installation, environment: environment, path: path).all()
        let report = Report(ok: !checks.contains { $0.state == .fault }, checks: checks)
        if json {
            try DocumentPipe.writeText(try JSONValue(encoding: report).serialized() + [0x0a])
        } else {
            try DocumentPipe.writeText([UInt8](checks.map { "\($0.line)\n" }.joined().utf8))
        }
        if !report.ok { throw ExitCode(1) }
    }
}
