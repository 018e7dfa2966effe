import ArgumentParser
import Firecracker
import Glibc
import Linux
import OCI
import Plan

struct StateSaveCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "state-save",
        abstract: "Keep the document in /run/runcvm/ID/state.json, and pass it on.",
        discussion: """
            hooks/prestart saves the plan before anything is made of it, so that the undo finds it after any crash.

              runcvm net-plan --netns /run/netns/web | runcvm state-save | runcvm tap-create
            """)

    mutating func set(from options: inout PlainOptions) {}

    func run() throws {
        let state = try DocumentPipe.read(verb: "state-save")
        let directory = try RunDirectory(id: state.container().id)
        try Journal.run { _ in
            try directory.save(state)
            try DocumentPipe.write(state)
        }
    }
}
