import ArgumentParser
import Firecracker
import HostNetwork
import Plan

struct BridgeAliasCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "bridge-alias",
        abstract: "Join each tap with its container interface, by a bridge with the alias or by redirection.",
        discussion: """
            The guest takes the container's MAC and addresses; the interface gets a new MAC and becomes a port. The alias
            is how the namespace itself reaches the VM; nothing about it is ever asked or answered on the wire. A macvlan or
            ipvlan keeps its MAC and addresses, and filters redirect every frame between it and the tap. Where
            Docker's embedded name server needs it, name queries of the namespace get a way out (nft). Adds `bridges` to
            the document, and what works less well than expected to `network.warnings`. The inverse is bridge-restore.

              runcvm net-plan --netns /run/netns/web | runcvm tap-create |
                runcvm bridge-alias | jq .bridges
              runcvm bridge-alias --dry-run < plan.json
            """)

    @OptionGroup var change: ChangeOptions

    mutating func set(from options: inout PlainOptions) { change = ChangeOptions(&options) }

    func run() throws {
        let state = try DocumentPipe.read(verb: "bridge-alias")
        let network = try state.network()
        let container = try state.container()
        try change.make(
            container,
            assuming: {
                let owner = try state.taps()?.first?.owner ?? RunDirectory(id: container.id).vmUser()
                _ = try TapSetup.create(plan: network, owner: owner)
            },
            {
                var warnings: [String] = []
                let bridges = try BridgeSetup.create(network, path: ProcessEnvironment.path) {
                    Stderr.line("runcvm bridge-alias: \($0)")
                    warnings.append($0)
                }
                return (bridges, warnings)
            },
            then: { bridges, warnings in
                try (bridges.isEmpty ? state : state.adding("bridges", bridges)).warning(warnings)
            })
    }
}
