import ArgumentParser
import Firecracker
import HostNetwork
import OCI
import Plan

struct NetCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "net-check",
        abstract: "Compare the live namespace with a document: a line for each difference, with the likely cause.",
        discussion: """
            Reads only. Says nothing and exits with 0 where all is as planned, with 1 where there are differences, as diff(1)
            does; other codes are those of every verb. What the guest itself has is out of its sight.

              runcvm net-check < /run/runcvm/ID/state.json && echo as planned
            """)

    @OptionGroup var namespace: NetnsOptions

    func run() throws {
        let state = try DocumentPipe.read(verb: "net-check")
        let (network, container) = (try state.network(), try state.container())
        let nat = NATSetup(network, id: container.id, directory: RunDirectory.base, path: SearchPath.own)
        let differences = try namespace.runIfThere(container) {
            try NetworkCheck(
                network, taps: state.taps(), bridges: state.bridges(), nat: nat, path: SearchPath.own
            ).differences
        }
        guard let differences else {
            throw Failure(
                .missingInput, "network namespace \(namespace.netns ?? container.netns ?? ""): gone, and the VM with it"
            )
        }
        try DocumentPipe.writeText([UInt8](differences.map { "\($0)\n" }.joined().utf8))
        if !differences.isEmpty { throw ExitCode(1) }
    }
}
