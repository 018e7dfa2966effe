import ArgumentParser
import OCI
import Plan

struct NATEnableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nat-enable",
        abstract: "Pass the document through: only host mode needs NAT.",
        discussion: """
            In bridge mode and without a network there is nothing to do. Host mode is not supported yet.

              runcvm net-plan --netns /run/netns/web | runcvm tap-create | runcvm bridge-alias | runcvm nat-enable
            """)

    func run() throws {
        let state = try DocumentPipe.read(verb: "nat-enable")
        if try state.network().mode == .host { throw Failure(.unavailable, "host mode is not supported yet") }
        try DocumentPipe.write(state)
    }
}
