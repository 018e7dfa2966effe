import ArgumentParser
import Firecracker
import HostNetwork
import Plan

struct NATDisableCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "nat-disable",
        abstract: "Remove a VM's rules from the host's firewall: the inverse of nat-enable.",
        discussion: """
            Finds them by their comment runcvm:ID; it may run twice, and after a crash. net.ipv4.ip_forward is turned off where
            nat-enable turned it on and no other VM needs it.

              runcvm nat-disable < /run/runcvm/ID/state.json | runcvm bridge-restore |
                runcvm tap-delete
              runcvm nat-disable --dry-run < /run/runcvm/ID/state.json
            """)

    @OptionGroup var change: ChangeOptions

    mutating func set(from options: inout PlainOptions) { change = ChangeOptions(&options) }

    func run() throws {
        let state = try DocumentPipe.read(verb: "nat-disable")
        let container = try state.container()
        let setup = NATSetup(
            try state.network(), id: container.id, directory: RunDirectory.base, path: ProcessEnvironment.path)
        try change.undo(container, { try setup?.disable() }, then: state.removing("nat"))
    }
}
