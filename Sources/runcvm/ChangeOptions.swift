import ArgumentParser
import Linux
import Netlink
import OCI
import Plan

/// What the verbs that change a network namespace have in common: where, and whether at all.
struct ChangeOptions: ParsableArguments {
    @OptionGroup var namespace: NetnsOptions

    @Flag(help: "Print the equivalent commands for sh, and change nothing.")
    var dryRun = false

    init() {}

    init(_ options: inout PlainOptions) {
        namespace = NetnsOptions(&options)
        dryRun = false
    }

    /// Runs the body in the namespace, and writes the document that `then` makes of what it gives. Where that fails, what
    /// the body has recorded is undone.
    /// `assuming`: what a dry run takes for done, since the verb before may have been a dry run too.
    func make<T>(
        _ container: ContainerReference, assuming: () throws -> Void = {}, _ body: () throws -> T,
        then document: (T) throws -> VMState
    ) throws {
        guard dryRun else {
            return try namespace.run(container) {
                try Journal.run { _ in try DocumentPipe.write(document(body())) }
            }
        }
        let run = DryRun(netns: namespace.netns ?? container.netns)
        try namespace.run(container) {
            try run.assume(assuming)
            _ = try run.run(body)
        }
        try write(run)
    }

    /// The same for an undo, to which a namespace that has gone is fine.
    func undo(_ container: ContainerReference, _ body: () throws -> Void, then document: VMState) throws {
        guard dryRun else {
            _ = try namespace.runIfThere(container, body)
            return try DocumentPipe.write(document)
        }
        let run = DryRun(netns: namespace.netns ?? container.netns)
        _ = try namespace.runIfThere(container) { try run.run(body) }
        try write(run)
    }

    private func write(_ run: DryRun) throws {
        try DocumentPipe.writeText(run.text)
    }
}
