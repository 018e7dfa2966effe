import ArgumentParser
import Plan

struct NATDisableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nat-disable",
        abstract: "Pass the document through: the inverse of nat-enable.",
        discussion: """
              runcvm nat-disable < /run/runcvm/ID/state.json | runcvm bridge-restore | runcvm tap-delete
            """)

    func run() throws {
        let state = try DocumentPipe.read(verb: "nat-disable")
        _ = try state.network()
        try DocumentPipe.write(state.removing("nat"))
    }
}
