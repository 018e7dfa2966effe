import ArgumentParser
import Firecracker
import HostNetwork
import Plan

struct TapDeleteCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "tap-delete",
        abstract: "Delete the taps of the plan: the inverse of tap-create.",
        discussion: """
            Taps that are gone already, and a namespace that is gone, are fine: it may run twice.

              runcvm tap-delete < /run/runcvm/ID/state.json
              runcvm tap-delete --dry-run < /run/runcvm/ID/state.json
            """)

    @OptionGroup var change: ChangeOptions

    mutating func set(from options: inout PlainOptions) { change = ChangeOptions(&options) }

    func run() throws {
        let state = try DocumentPipe.read(verb: "tap-delete")
        let network = try state.network()
        let container = try state.container()
        let owner = try RunDirectory(id: container.id).vmUser()
        try change.undo(
            container,
            {
                try TapSetup.delete(plan: network, records: state.taps(), owner: owner)
            }, then: state.removing("taps"))
    }
}
