import ArgumentParser
import Firecracker
import Linux
import OCI
import Plan

struct StateLoadCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "state-load",
        abstract: "Write the saved document of the container whose OCI state is on stdin.",
        discussion: """
            A container that never came to a plan has an empty one: nothing to undo.

              echo '{"id":"web"}' | runcvm state-load | runcvm bridge-restore |
                runcvm tap-delete
            """)

    mutating func set(from options: inout PlainOptions) {}

    func run() throws {
        let text = try DocumentPipe.readText(verb: "state-load", wanted: "an OCI state")
        let id = try OCIState(parsing: text).id
        let directory = try RunDirectory(id: id)
        guard Files.exists(directory.state) else {
            let none = NetworkPlan(mode: .none, nics: [], dns: DNSPlan(resolvConf: nil, relay: []))
            return try DocumentPipe.write(try VMState(container: ContainerReference(id: id), network: none))
        }
        try DocumentPipe.write(try VMState(parsing: try Files.read(directory.state), subject: directory.state))
    }
}
