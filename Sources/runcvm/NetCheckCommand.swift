import ArgumentParser
import Firecracker
import Guest
import HostNetwork
import Linux
import OCI
import Plan

struct NetCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "net-check",
        abstract: "Compare namespace and VM with a document: a line for each difference, with the likely cause.",
        discussion: """
            Reads only. Says nothing and exits with 0 where all is as planned, with 1 where there are differences, as diff(1)
            does; other codes are those of every verb. A VM that runs is asked for its own side, through its sidecar.

              runcvm net-check < /run/runcvm/ID/state.json && echo as planned
            """)

    @OptionGroup var namespace: NetnsOptions

    @Flag(help: "Do not ask the VM.")
    var noVM = false

    @Flag(help: "Compare this namespace as the VM's own: what the host runs in the guest.")
    var inside = false

    func run() throws {
        let state = try DocumentPipe.read(verb: "net-check")
        let (network, container) = (try state.network(), try state.container())
        if inside { return try report(GuestNetworkCheck(network.nics).differences) }
        let nat = NATSetup(network, id: container.id, directory: RunDirectory.base, path: ProcessEnvironment.path)
        let differences = try namespace.runIfThere(container) {
            try NetworkCheck(
                network, taps: state.taps(), bridges: state.bridges(), nat: nat, path: ProcessEnvironment.path
            ).differences
        }
        guard let differences else {
            throw Failure(
                .missingInput, "network namespace \(namespace.netns ?? container.netns ?? ""): gone, and the VM with it"
            )
        }
        try report(differences + (noVM ? [] : try ofGuest(state, id: container.id)))
    }

    private func report(_ differences: [String]) throws {
        try DocumentPipe.writeText([UInt8](differences.map { "\($0)\n" }.joined().utf8))
        if !differences.isEmpty { throw ExitCode(1) }
    }

    /// In seconds; it may be booting.
    private static let patience = 60

    /// What this verb says in the VM; nothing where no VM runs.
    private func ofGuest(_ state: VMState, id: String) throws -> [String] {
        guard try ListedVM.isRunning(id) else { return [] }
        let environment = ProcessEnvironment.all
        let program = try Installation(environment: environment).program
        let words = ["vm-exec", "--sidecar", id, "/bin/runcvm", "net-check", "--inside"]
        let outcome = try ChildProcess(
            program, words, environment: environment.map { "\($0)=\($1)" }, input: state.serialized()
        ).run(limit: Self.patience)
        guard let outcome, outcome.errors.isEmpty, outcome.status <= 1 else {
            let reason = outcome?.reason ?? "it does not answer within \(Self.patience) seconds"
            return ["the VM: not asked for its own side: \(reason)"]
        }
        let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
        return lines.map { "in the VM: \($0)" }
    }
}
