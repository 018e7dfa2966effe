import ArgumentParser
import Firecracker
import HostNetwork
import Plan

struct NATEnableCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "nat-enable",
        abstract: "Let a VM in host mode out by the host's address, and its host ports in.",
        discussion: """
            Masquerades the VM's address on the uplink, accepts its traffic before every other rule of FORWARD, turns
            net.ipv4.ip_forward on where it is off, and leads the ports of RUNCVM_HOST_PORTS to the VM. Adds `nat` to the
            document. Elsewhere than in host mode it passes the document through. The inverse is nat-disable.

              runcvm net-plan < state.json | runcvm tap-create |
                runcvm nat-enable | jq .nat
              runcvm nat-enable --dry-run < plan.json
            """)

    @OptionGroup var change: ChangeOptions

    mutating func set(from options: inout PlainOptions) { change = ChangeOptions(&options) }

    func run() throws {
        let state = try DocumentPipe.read(verb: "nat-enable")
        let container = try state.container()
        let setup = NATSetup(
            try state.network(), id: container.id, directory: RunDirectory.base, path: ProcessEnvironment.path)
        guard let setup else { return change.dryRun ? () : try DocumentPipe.write(state) }
        try change.make(container, setup.enable) { try state.adding("nat", $0) }
    }
}
