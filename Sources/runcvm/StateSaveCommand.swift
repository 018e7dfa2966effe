import ArgumentParser
import Firecracker
import Glibc
import Linux
import Netlink
import OCI
import Plan

struct StateSaveCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "state-save",
        abstract: "Keep the document in /run/runcvm/ID/state.json, and pass it on.",
        discussion: """
            hooks/prestart saves the plan before anything is made of it, so that the undo finds it after any crash.

              runcvm net-plan --netns /run/netns/web | runcvm state-save |
                runcvm tap-create
              runcvm state-save --dry-run < plan.json
            """)

    @Flag(help: "Print the equivalent commands for sh, and change nothing.")
    var dryRun = false

    mutating func set(from options: inout PlainOptions) { dryRun = false }

    func run() throws {
        let state = try DocumentPipe.read(verb: "state-save")
        let directory = try RunDirectory(id: state.container().id)
        if dryRun {
            let run = DryRun()
            run.addOutside(["umask", "077"])
            run.addOutside(["mkdir", "-p", directory.path])
            run.addOutside(
                ["cat"], output: directory.state, input: String(decoding: try state.serialized(), as: UTF8.self))
            return try DocumentPipe.writeText(run.text)
        }
        try Journal.run { _ in
            try directory.save(state)
            try DocumentPipe.write(state)
        }
    }
}
