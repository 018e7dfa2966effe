import Linux
import OCI
import Plan

/// What a container asks for that a VM must give or refuse: the checks that need nothing but its config.json.
public struct ContainerRequest {
    let config: OCIConfig

    public init(_ config: OCIConfig) {
        self.config = config
    }

    /// CRI's pause container, of containerd or CRI-O, holds namespaces for others and runs as it is.
    public var isSandbox: Bool {
        ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]
            .contains { config.annotations?[$0] == "sandbox" }
    }
    public var isAdapted: Bool { config.annotations?[JailConfig.annotation] != nil }

    /// Throws `Failure` naming the first thing that a VM cannot do, with what to leave out.
    public func check(hostNetwork: Bool) throws {
        guard let process = config.process, process.args?.isEmpty == false else {
            throw Failure.badInput("config.json.process.args", "missing or empty")
        }
        let facts = ContainerFacts(
            env: process.env ?? [], capabilities: process.capabilities?.bounding ?? [], hostNetwork: hostNetwork)
        try Planner.checkRequest(of: facts)
        if let value = setting("RUNCVM_SYSTEMD"), Self.switchValues[value] == nil {
            throw Failure(.usage, "RUNCVM_SYSTEMD=\(value): neither true nor false")
        }
        if config.linux?.namespaces?.contains(where: { $0.type == "user" }) == true {
            throw Self.unsupported("a user namespace (--userns, userns-remap)")
        }
        for mount in config.mounts ?? [] where mount.isBind && !isEngines(mount) {
            throw Self.unsupported("a volume (bind mount on \(mount.destination))")
        }
    }

    private func isEngines(_ mount: OCIMount) -> Bool {
        Self.engineFiles.contains(mount.destination) || Self.engineInits.contains(mount.destination)
            || Self.isOwnSharedMemory(mount) || isPodmanFile(mount)
    }

    /// The engine's own files, which the guest gets by their contents.
    static let engineFiles: Set<String> = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]

    /// More such files, which Podman makes in the container's own folder: /run/.containerenv, /etc/passwd with `--user`,
    /// secrets.
    var podmanFiles: [OCIMount] {
        (config.mounts ?? []).filter { isPodmanFile($0) && !Self.engineFiles.contains($0.destination) }
    }

    private func isPodmanFile(_ mount: OCIMount) -> Bool {
        guard mount.isBind, let source = mount.source, let id = config.containerID else { return false }
        return source.contains("/\(id)/userdata/") && mount.destination != "/dev/shm"
    }

    /// Where the engine's init is bound for `--init`: Docker's, Podman's, older Podman's.
    private static let engineInits = ["/sbin/docker-init", "/run/podman-init", "/dev/init"]

    /// Where the engine's init shall be; nil: it wants none, or the image's init takes its place.
    var engineInit: String? { wantsSystemd ? nil : Self.engineInits.first { source(of: $0) != nil } }

    /// A tmpfs that the engine has mounted for this container alone: Podman's, and Docker's with `--ipc=shareable`.
    private static func isOwnSharedMemory(_ mount: OCIMount) -> Bool {
        mount.destination == "/dev/shm" && mount.isBind
            && ["/userdata/shm", "/mounts/shm"].contains { mount.source?.hasSuffix($0) == true }
    }

    /// RUNCVM_SYSTEMD's.
    private static let switchValues = ["true": true, "1": true, "yes": true, "false": false, "0": false, "no": false]

    var wantsSystemd: Bool { setting("RUNCVM_SYSTEMD").flatMap { Self.switchValues[$0] } ?? false }

    /// The process's arguments, without an engine's init (`/sbin/docker-init --`) before the image's.
    var arguments: [String]? {
        let given = config.process?.args
        guard wantsSystemd, let given, let first = given.first, Self.engineInits.contains(first) else { return given }
        return Array(given.dropFirst(2))
    }

    /// The init that gets the machine, by its path in the image, whose root is `root`. Throws `Failure(.unavailable)` where
    /// there is none.
    func initProgram(in root: String) throws -> String {
        let own = arguments?.first ?? ""
        let isInit = SystemdPlan.isInit(arguments ?? [])
        let candidates = isInit && own.hasPrefix("/") ? [own] : SystemdPlan.programs
        guard let found = candidates.first(where: { Files.isThere("\(root)\($0)") }) else {
            throw Failure(
                .unavailable,
                "RUNCVM_SYSTEMD=true: the image has no \(candidates.joined(separator: " and no ")); "
                    + "install systemd in it (apt-get install systemd-sysv), or leave the variable out")
        }
        return found
    }

    private static func unsupported(_ what: String) -> Failure {
        Failure(.unavailable, "\(what) is not supported with --runtime=runcvm yet")
    }

    /// The host's path of an engine's file, as `/etc/hosts`.
    public func source(of destination: String) -> String? {
        config.mounts?.last { $0.destination == destination && $0.isBind }?.source
    }

    /// Mounts that the guest's kernel makes by itself.
    public var guestMounts: [OCIMount] {
        (config.mounts ?? []).compactMap { mount in
            if !mount.isBind { return mount }
            guard Self.isOwnSharedMemory(mount), let source = mount.source else { return nil }
            let size = Files.fileSystemSize(source).map { ["size=\($0)"] } ?? []
            return OCIMount(
                destination: mount.destination, type: "tmpfs", source: "shm",
                options: ["nosuid", "noexec", "nodev", "mode=1777"] + size)
        }
    }

    /// The `RUNCVM_…` settings among the environment.
    public func setting(_ name: String) -> String? {
        ContainerFacts(env: config.process?.env ?? []).variable(name).flatMap { $0.isEmpty ? nil : $0 }
    }
}
