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
              runcvm oci-adapt < config.json > adapted.json
            """)

    @Option(help: "The container's id. Default: the last word of config.json's linux.cgroupsPath.")
    var id: String?

    @Option(help: "The bundle: the folder that holds config.json.")
    var bundle: String?

    func run() throws {
        umask(0o022)
        let environment = DocumentPipe.environment
        if let bundle {
            let id =
                try id ?? Self.id(of: JSONValue(parsing: Files.read("\(bundle)/config.json"), subject: "config.json"))
            try BundleAdapter(id: id, bundle: bundle, environment: environment).adaptInPlace()
            return
        }
        let text = try DocumentPipe.readText(verb: "oci-adapt", wanted: "a config.json")
        let config = try JSONValue(parsing: text, subject: "config.json on stdin")
        let adapter = try BundleAdapter(id: try id ?? Self.id(of: config), bundle: ".", environment: environment)
        try DocumentPipe.writeText(try adapter.adapt(config).serialized() + [0x0a])
    }

    private static func id(of config: JSONValue) throws -> String {
        if let id = try OCIConfig(document: config).containerID { return id }
        throw Failure(.usage, "no --id, and config.json.linux.cgroupsPath tells none")
    }
}
