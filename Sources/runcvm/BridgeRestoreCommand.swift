import ArgumentParser
import HostNetwork
import Plan

struct BridgeRestoreCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "bridge-restore",
        abstract: "Give each container interface its MAC, addresses and routes back: the inverse of bridge-alias.",
        discussion: """
            Works on what is there: it may run twice, on a half-made bridge, and in a namespace that is gone.

              runcvm bridge-restore < /run/runcvm/ID/state.json | runcvm tap-delete
              runcvm bridge-restore --dry-run < /run/runcvm/ID/state.json
            """)

    @OptionGroup var change: ChangeOptions

    mutating func set(from options: inout PlainOptions) { change = ChangeOptions(&options) }

    func run() throws {
        let state = try DocumentPipe.read(verb: "bridge-restore")
        let network = try state.network()
        try change.undo(
            state.container(), { try BridgeSetup.restore(network, path: ProcessEnvironment.path) },
            then: state.removing("bridges"))
    }
}
