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
            Podman's precreate hooks do. The original is kept in /run/runcvm/ID. Image, disk and jail are made in both cases: there
            is no dry run, and state-delete undoes it.

              runcvm oci-adapt --id web --bundle /run/web
              runcvm oci-adapt < config.json > adapted.json

            hooks/podman/runcvm-precreate.json has it as a hook.
            """)

    @Option(help: "The container's id. Default: the last word of config.json's linux.cgroupsPath.")
    var id: String?

    @Option(help: "The bundle: the folder that holds config.json.")
    var bundle: String?

    @Flag(help: "Of a container that is refused make one that says why: Podman does not tell what a hook has said.")
    var hook = false

    func run() throws {
        umask(0o022)
        let environment = ProcessEnvironment.all
        if let bundle {
            let id =
                try id ?? Self.id(of: JSONValue(parsing: Files.read("\(bundle)/config.json"), subject: "config.json"))
            try BundleAdapter(id: id, bundle: bundle, environment: environment).adaptInPlace()
            return
        }
        let text = try DocumentPipe.readText(verb: "oci-adapt", wanted: "a config.json")
        let config = try JSONValue(parsing: text, subject: "config.json on stdin")
        let adapter = try BundleAdapter(id: try id ?? Self.id(of: config), bundle: ".", environment: environment)
        try Journal.run { _ in
            let adapted: JSONValue
            do {
                adapted = try adapter.adapt(config)
            } catch  where hook {
                adapted = try adapter.refuse(config, because: error)
            }
            try DocumentPipe.writeText(try adapted.serialized() + [0x0a])
        }
    }

    private static func id(of config: JSONValue) throws -> String {
        if let id = try OCIConfig(document: config).containerID { return id }
        throw Failure(.usage, "no --id, and config.json.linux.cgroupsPath tells none")
    }
}
