import ArgumentParser
import Firecracker
import HostNetwork
import Plan

struct TapCreateCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "tap-create",
        abstract: "Create the taps of the plan, owned by the VMM's user.",
        discussion: """
            Adds `taps` to the document, where the plan has any. The inverse is tap-delete.

              runcvm net-plan --netns /run/netns/web | runcvm tap-create | jq .taps
              runcvm tap-create --dry-run < plan.json
            """)

    @OptionGroup var change: ChangeOptions

    @Option(help: "The user id that may open the taps. Default: the user of the container's jail, else yours.")
    var owner: UInt32?

    mutating func set(from options: inout PlainOptions) {
        change = ChangeOptions(&options)
        owner = options.take("owner")
    }

    func run() throws {
        let state = try DocumentPipe.read(verb: "tap-create")
        let container = try state.container()
        let network = try state.network()
        let owner = try owner ?? RunDirectory(id: container.id).vmUser()
        try change.make(container) {
            try TapSetup.create(plan: network, owner: owner)
        } then: {
            $0.isEmpty ? state : try state.adding("taps", $0)
        }
    }
}
