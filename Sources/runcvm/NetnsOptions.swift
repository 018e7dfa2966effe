import ArgumentParser
import HostNetwork
import OCI
import Plan

/// Which network namespace a verb works in: `--netns`, else the document's own.
struct NetnsOptions: ParsableArguments {
    @Option(help: "The network namespace to work in, instead of the document's container.netns.")
    var netns: String?

    init() {}

    init(_ options: inout PlainOptions) { netns = options.take("netns") }

    /// Runs the body in the namespace. A document without one is about the namespace that we are in.
    func run<T>(_ container: ContainerReference, _ body: () throws -> T) throws -> T {
        guard let path = netns ?? container.netns else { return try body() }
        return try NetworkNamespace(path: path).run(body)
    }

    /// The same for an undo: nil where the namespace has gone, and all that was in it with it.
    func runIfThere<T>(_ container: ContainerReference, _ body: () throws -> T) throws -> T? {
        guard let path = netns ?? container.netns else { return try body() }
        let namespace: NetworkNamespace
        do {
            namespace = try NetworkNamespace(path: path)
        } catch let failure as Failure where failure.kind == .missingInput {
            return nil
        }
        // The pid in the path may be another process's by now.
        if netns == nil, let inode = container.netnsInode, inode != namespace.inode { return nil }
        return try namespace.run(body)
    }
}
