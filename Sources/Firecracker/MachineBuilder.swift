import FoundationEssentials
import Glibc
import Linux
import OCI
import Plan

/// fc-config: from the document to the files that boot the VM, and the document's key `machine`.
public struct MachineBuilder {
    let state: VMState
    let container: ContainerReference
    let network: NetworkPlan
    let directory: RunDirectory
    let installation: Installation

    public init(_ state: VMState, installation: Installation) throws {
        self.installation = installation
        self.state = state
        container = try state.container()
        network = try state.network()
        directory = try RunDirectory(id: container.id)
    }

    private var relay: [IPAddress]? { network.dns.relay.isEmpty ? nil : network.dns.relay }

    /// For a container that oci-adapt has jailed: everything comes from its config.json.
    public func buildJailed() throws -> MachineFiles {
        guard let config = try directory.originalConfig(bundle: nil), var process = config.process else {
            throw Failure(
                .missingInput, "\(directory.config): no config.json of container \(container.id); run oci-adapt first")
        }
        let request = ContainerRequest(config)
        let hasChanges = Files.exists(directory.jail + JailConfig.changes)
        let hasImage = Files.exists(directory.jail + JailConfig.image)
        let files = FirecrackerConfig.Files(
            kernel: JailConfig.kernel, initrd: JailConfig.initrd,
            layers: (hasChanges ? [JailConfig.changes] : []) + (hasImage ? [JailConfig.image] : []),
            disk: JailConfig.disk, guest: JailConfig.guest, vsock: "\(JailConfig.directory)/v.sock")
        let size = try MachineSize(
            resources: config.linux?.resources, request: request, hostCPUs: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        process.args = request.arguments
        process.rlimits = try Self.withInherited(process.rlimits ?? [])
        var guest = GuestDocument(
            hostname: config.hostname, domainname: config.domainname,
            hosts: try request.source(of: "/etc/hosts").map(Files.readText), resolvConf: network.dns.resolvConf,
            relay: relay, nics: network.nics, root: files.root(readonly: config.root?.readonly ?? false),
            mounts: request.guestMounts,
            maskedPaths: config.linux?.maskedPaths ?? [], readonlyPaths: config.linux?.readonlyPaths ?? [],
            sysctl: network.dns.reservingPorts(in: config.linux?.sysctl ?? [:]), process: process)
        guest.engineInit = request.engineInit
        guest.files = try request.podmanFiles.compactMap { mount in
            try mount.source.map { source in
                GuestFile(
                    path: mount.destination, contents: Data(try Files.read(source)).base64EncodedString(),
                    mode: UInt32(Files.mode(source) ?? 0o644))
            }
        }
        try Self.keepBytes(of: "/etc/hosts", \.hosts, request, in: &guest)
        try Self.keepBytes(of: "/etc/resolv.conf", \.resolvConf, request, in: &guest)
        if let root = config.root?.path, Files.exists("\(root)/.dockerenv") { guest.dockerFiles = true }
        if let limit = config.linux?.resources?.pids?.limit, limit > 0 { guest.pidsLimit = limit }
        if request.wantsSystemd {
            guest = SystemdPlan.handOver(
                guest, to: try request.initProgram(in: config.root?.path ?? ""), container: container.id)
        }
        let machine = Machine(
            id: Self.name(for: container.id), vcpus: size.vcpus, memory: size.memory,
            config: JailConfig.firecrackerConfig, firecracker: JailConfig.firecracker, directory: JailConfig.directory,
            terminal: process.terminal ?? false, relay: relay)
        return try made(machine, files: files, size: size, guest: guest)
    }

    /// JSON's texts are UTF-8: what is none, such as a comment in another encoding, goes to the guest as a file.
    private static func keepBytes(
        of path: String, _ text: WritableKeyPath<GuestDocument, String?>, _ request: ContainerRequest,
        in guest: inout GuestDocument
    ) throws {
        guard let source = request.source(of: path), let planned = guest[keyPath: text] else { return }
        let bytes = try Files.read(source)
        // Somebody may have changed the plan.
        guard bytes != Array(planned.utf8), String(decoding: bytes, as: UTF8.self) == planned else { return }
        guest[keyPath: text] = nil
        guest.files =
            (guest.files ?? []) + [
                GuestFile(path: path, contents: Data(bytes).base64EncodedString(), mode: 0o644)
            ]
    }

    /// A container's process inherits the limits of the engine, whose child we are, where it has none of its own.
    public static func withInherited(_ given: [OCIRlimit]) throws -> [OCIRlimit] {
        let types = Set(given.map(\.type))
        let inherited = try ResourceLimits.current().filter { !types.contains($0.type) }
        return given + inherited.map { OCIRlimit(type: $0.type, hard: $0.hard, soft: $0.soft) }
    }

    /// What an administrator boots by hand: a kernel and a root disk of their own.
    public struct ByHand {
        public var kernel: String
        public var initrd: String
        public var rootfs: String
        public var firecracker: String
        public var size: MachineSize
        public var process: OCIProcess
        public var hostname: String

        public init(
            kernel: String, initrd: String, rootfs: String, firecracker: String, size: MachineSize, process: OCIProcess,
            hostname: String
        ) {
            self.kernel = kernel
            self.initrd = initrd
            self.rootfs = rootfs
            self.firecracker = firecracker
            self.size = size
            self.process = process
            self.hostname = hostname
        }
    }

    public func build(_ hand: ByHand) throws -> MachineFiles {
        let machine = Machine(
            id: Self.name(for: container.id), vcpus: hand.size.vcpus, memory: hand.size.memory,
            config: directory.firecracker, firecracker: hand.firecracker, directory: directory.vm,
            terminal: hand.process.terminal ?? false, relay: relay)
        let files = FirecrackerConfig.Files(
            kernel: hand.kernel, initrd: hand.initrd, layers: [], disk: hand.rootfs, guest: directory.guest,
            vsock: machine.vsock)
        let mounts = [
            OCIMount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            OCIMount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"]),
            OCIMount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            OCIMount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev"]),
            OCIMount(destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"]),
        ]
        let guest = GuestDocument(
            hostname: hand.hostname, domainname: nil, hosts: nil, resolvConf: network.dns.resolvConf,
            relay: relay, nics: network.nics,
            root: files.root(readonly: false), mounts: mounts, maskedPaths: [], readonlyPaths: [],
            sysctl: network.dns.reservingPorts(in: [:]),
            process: hand.process)
        return try made(machine, files: files, size: hand.size, guest: guest)
    }

    private func made(
        _ machine: Machine, files: FirecrackerConfig.Files, size: MachineSize, guest: GuestDocument
    ) throws -> MachineFiles {
        let config = FirecrackerConfig(files: files, size: size, nics: network.nics)
        let sidecar = SidecarAccess(directory: directory.vm, installation: installation).make(
            owner: try directory.vmUser())
        var guest = guest
        guest.sidecar = sidecar.keys
        let state = try state.adding("machine", machine)
        // What of it the jailed fc-boot must know.
        let document = try state.keeping(["version", "network", "machine"])
            .adding("container", ContainerReference(id: container.id))
        let texts = [
            (directory.firecracker, try JSONValue(encoding: config).serialized() + [0x0a]),
            (directory.guest, Self.padded(try JSONValue(encoding: guest).serialized())),
            (directory.machine, try document.serialized()),
        ]
        return MachineFiles(
            directory: directory.vm,
            files: sidecar.files + texts.map { MachineFiles.File(path: $0, text: $1, owner: nil) },
            state: state)
    }

    /// A line that is a whole number of 512-byte sectors, as a drive is.
    static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0x20, count: 511 - bytes.count % 512) + [0x0a]
    }

    /// Firecracker's ids: letters, digits and `-`, at most 64.
    static func name(for id: String) -> String {
        String(decoding: id.utf8.prefix(64).map { isalnum(CInt($0)) != 0 ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    }
}
