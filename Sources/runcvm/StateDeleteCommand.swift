import ArgumentParser
import Firecracker
import Plan

struct StateDeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state-delete",
        abstract: "Delete /run/runcvm/ID: the inverse of oci-adapt, state-save and fc-config.",
        discussion: """
            The last verb of the undo. What is gone already is fine. A container's disk beside its own layer stays.

              runcvm bridge-restore < vm.json | runcvm tap-delete | runcvm state-delete
            """)

    func run() throws {
        let state = try DocumentPipe.read(verb: "state-delete")
        try RunDirectory(id: state.container().id).delete()
        try DocumentPipe.write(state.removing("machine"))
    }
}
