import OCI
import Plan

/// What a container asks for that a VM must give or refuse: the checks that need nothing but its config.json.
public struct ContainerRequest {
    let config: OCIConfig

    public init(_ config: OCIConfig) {
        self.config = config
    }

    /// CRI's pause container holds namespaces for others and runs as it is.
    public var isSandbox: Bool { config.annotations?["io.kubernetes.cri.container-type"] == "sandbox" }
    public var isAdapted: Bool { config.annotations?[JailConfig.annotation] != nil }

    /// Throws `Failure` naming the first thing that a VM cannot do, with what to leave out.
    public func check(hostNetwork: Bool) throws {
        guard let process = config.process, process.args?.isEmpty == false else {
            throw Failure.badInput("config.json.process.args", "missing or empty")
        }
        let facts = ContainerFacts(
            env: process.env ?? [], capabilities: process.capabilities?.bounding ?? [], hostNetwork: hostNetwork)
        try Planner.checkRequest(of: facts)
        if let value = facts.variable("RUNCVM_SYSTEMD"), !["", "false", "0", "no"].contains(value) {
            throw Self.unsupported("RUNCVM_SYSTEMD=\(value)")
        }
        if config.linux?.namespaces?.contains(where: { $0.type == "user" }) == true {
            throw Self.unsupported("a user namespace (--userns, userns-remap)")
        }
        for mount in config.mounts ?? []
        where mount.isBind && !Self.engineFiles.contains(mount.destination) && mount.destination != Self.dockerInit {
            throw Self.unsupported("a volume (bind mount on \(mount.destination))")
        }
    }

    /// The engine's own files, which the guest gets by their contents.
    static let engineFiles: Set<String> = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]

    /// Where `docker run --init` binds the host's docker-init.
    private static let dockerInit = "/sbin/docker-init"

    /// Where the engine's init shall be; nil: it wants none.
    var engineInit: String? { source(of: Self.dockerInit).map { _ in Self.dockerInit } }

    private static func unsupported(_ what: String) -> Failure {
        Failure(.unavailable, "\(what) is not supported with --runtime=runcvm yet")
    }

    /// The host's path of an engine's file, as `/etc/hosts`.
    public func source(of destination: String) -> String? {
        config.mounts?.last { $0.destination == destination && $0.isBind }?.source
    }

    /// Mounts that the guest's kernel makes by itself.
    public var guestMounts: [OCIMount] { (config.mounts ?? []).filter { !$0.isBind } }

    /// The `RUNCVM_…` settings among the environment.
    public func setting(_ name: String) -> String? {
        ContainerFacts(env: config.process?.env ?? []).variable(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
