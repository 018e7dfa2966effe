import ArgumentParser
import Firecracker
import HostNetwork
import Linux
import Netlink
import OCI
import Plan

struct NetPlanCommand: HookVerb {
    static let configuration = CommandConfiguration(
        commandName: "net-plan",
        abstract: "Plan a VM's network from a container's, and begin the document.",
        discussion: """
            Reads an OCI state on stdin, or the namespace of --netns, or the facts of --facts. Changes nothing; in host
            mode it saves the document, so that no other VM is given the same tap.

              echo '{"id":"web","pid":4242,"bundle":"/run/web"}' | runcvm net-plan
              runcvm net-plan --netns /run/netns/web
              runcvm net-plan --dry-run < state.json
              runcvm net-plan --facts report.json | jq .network.nics

            With --facts it needs neither root nor Docker, and the same facts give the same plan.
            """)

    @Option(help: "A network namespace: /run/netns/NAME or /proc/PID/ns/net.")
    var netns: String?

    @Option(help: "A file of facts (- for stdin) in place of a live namespace.")
    var facts: String?

    @Option(help: "The container's id in the document; with --netns the namespace's name unless given.")
    var id: String?

    @Flag(help: "Print the plan, and save nothing in host mode either: another VM may be given the same tap.")
    var dryRun = false

    mutating func set(from options: inout PlainOptions) {
        dryRun = false
        netns = options.take("netns")
        facts = options.take("facts")
        id = options.take("id")
    }

    func validate() throws {
        if netns != nil, facts != nil { throw ValidationError("--netns and --facts exclude each other.") }
    }

    func run() throws {
        // The reservation of host mode goes with a document that nobody has.
        try Journal.run { _ in
            let state = dryRun ? try DryRun().run(plan) : try plan()
            for warning in state.warnings { Stderr.line("runcvm net-plan: \(warning)") }
            try DocumentPipe.write(state)
        }
    }

    private func plan() throws -> VMState {
        if let facts {
            return try offline(facts)
        }
        if let netns {
            let name = netns.split(separator: "/").last.map(String.init) ?? netns
            let id = id ?? name
            try ContainerID.validate(id, at: "--id")
            return try live(ContainerReference(id: id, netns: netns), config: nil)
        }
        return try live(OCIState(parsing: DocumentPipe.readText(verb: "net-plan", wanted: "an OCI state")))
    }

    private func offline(_ path: String) throws -> VMState {
        let text =
            path == "-"
            ? try DocumentPipe.readText(verb: "net-plan", wanted: "facts")
            : try Files.read(path, limit: JSONValue.largestDocument + 1)
        let facts = try Facts(parsing: text, subject: path == "-" ? "facts on stdin" : path)
        return try VMState(
            container: ContainerReference(id: id ?? facts.container.id), network: try Planner.plan(facts))
    }

    private func live(_ oci: OCIState) throws -> VMState {
        guard let pid = oci.pid, pid > 0 else {
            throw Failure.badInput("state.pid", "missing or 0; container \(oci.id) is not running")
        }
        let config = try RunDirectory(id: oci.id).originalConfig(bundle: oci.bundle)
        // One that was there before outlives the container: the undo finds it by the engine's own path.
        let container = ContainerReference(
            id: oci.id, pid: pid, bundle: oci.bundle, netns: config?.networkNamespace ?? "/proc/\(pid)/ns/net")
        return try live(container, config: config)
    }

    private func live(_ container: ContainerReference, config: OCIConfig?) throws -> VMState {
        let namespace = try NetworkNamespace(path: container.netns ?? "/proc/self/ns/net")
        let live = try namespace.run { try LiveFacts.read() }
        let request = config.map(ContainerRequest.init)
        var facts = Facts(
            live,
            container: ContainerFacts(
                id: container.id, env: config?.process?.env ?? [],
                capabilities: config?.process?.capabilities?.bounding ?? [],
                hostNetwork: namespace.inode == (try NetworkNamespace.current().inode)))
        facts.resolvConf = try request?.source(of: "/etc/resolv.conf").map(Files.readText)
        if facts.container.hostNetwork {
            try Planner.checkRequest(of: facts.container)
            return try HostModePlan.reserve(facts, container)
        }
        facts.host = try HostFacts.live()
        var reference = container
        reference.netnsInode = namespace.inode
        return try VMState(container: reference, network: try Planner.plan(facts))
    }
}
