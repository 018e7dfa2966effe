import ArgumentParser
import Firecracker
import Plan

struct StateDeleteCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "state-delete",
        abstract: "Delete /run/runcvm/ID: the inverse of oci-adapt, state-save and fc-config.",
        discussion: """
            The last verb of the undo. What is gone already is fine. A container's disk beside its own layer stays.

              runcvm bridge-restore < vm.json | runcvm tap-delete | runcvm state-delete
              runcvm state-delete --dry-run < vm.json
            """)

    @Flag(help: "Print the equivalent command for sh, and change nothing.")
    var dryRun = false

    mutating func set(from options: inout PlainOptions) { dryRun = false }

    func run() throws {
        let state = try DocumentPipe.read(verb: "state-delete")
        let directory = try RunDirectory(id: state.container().id)
        if dryRun {
            // Its id is a container's: no letter of it means anything to a shell.
            let line = "rm -rf --one-file-system \(directory.storage) \(directory.path)\n"
            return try DocumentPipe.writeText([UInt8](line.utf8))
        }
        try directory.delete()
        try DocumentPipe.write(state.removing("machine"))
    }
}
