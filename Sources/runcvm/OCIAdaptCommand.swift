import ArgumentParser
import Firecracker
import Glibc
import Linux
import OCI

struct OCIAdaptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oci-adapt",
        abstract: "Make a container's config.json that of its VMM's jail.",
        discussion: """
            With --bundle the bundle's config.json is rewritten; without, it is read on stdin and written on stdout, as
            Podman's precreate hooks do. The original is kept in /run/runcvm/ID.

              runcvm oci-adapt --id web --bundle /run/web
              runcvm oci-adapt --id web < config.json > adapted.json
            """)

    @Option(help: "The container's id.")
    var id: String

    @Option(help: "The bundle: the folder that holds config.json.")
    var bundle: String?

    func run() throws {
        umask(0o022)
        let adapter = try BundleAdapter(id: id, bundle: bundle ?? ".", environment: DocumentPipe.environment)
        if bundle != nil { return try adapter.adaptInPlace() }
        let text = try DocumentPipe.readText(verb: "oci-adapt", wanted: "a config.json")
        let adapted = try adapter.adapt(try JSONValue(parsing: text, subject: "config.json on stdin"))
        try DocumentPipe.writeText(try adapted.serialized() + [0x0a])
    }
}
