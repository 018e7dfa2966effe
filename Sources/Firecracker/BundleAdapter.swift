import Glibc
import Linux
import OCI
import Plan

/// oci-adapt: makes a container's run directory, images and jail, and its config.json that of the jail.
public struct BundleAdapter {
    public let id: String
    public let bundle: String
    let installation: Installation
    let environment: [String: String]
    let directory: RunDirectory

    public init(id: String, bundle: String, environment: [String: String]) throws {
        self.id = id
        self.bundle = bundle
        self.environment = environment
        installation = try Installation(environment: environment)
        directory = try RunDirectory(id: id)
    }

    /// The adapted config.json; the same one where there is nothing to adapt. Undoes itself where it fails.
    public func adapt(_ document: JSONValue) throws -> JSONValue {
        let config = try OCIConfig(document: document)
        let request = ContainerRequest(config)
        if request.isSandbox || request.isAdapted { return document }
        try Self.checkRoot(uidMap: Files.readText("/proc/self/uid_map"))
        Leftovers.sweep()
        try request.check(hostNetwork: Self.usesHostNetwork(config))
        try checkPrivilege()
        try KVM.check()
        try checkID()
        return try Journal.run { journal in
            // After a failure the engine may ask for nothing more: what is ours goes now.
            if !directory.exists { journal.record(directory.delete) }
            try directory.create()
            try Files.replace(directory.config, with: try document.serialized())
            let jail = JailConfig(root: directory.jail, files: try files(config), user: VMUser.id(for: id))
            try lay(jail)
            return jail.adapt(document)
        }
    }

    /// The config.json of a container that says why it is refused, and ends with 125: for hooks of which an engine tells no
    /// more than the exit status. Throws the reason where the folder is another's.
    public func refuse(_ document: JSONValue, because reason: any Error) throws -> JSONValue {
        guard !directory.exists else { throw reason }
        Journal.current?.record(directory.delete)
        try directory.create()
        let files = [
            JailConfig.File(installation.program, at: JailConfig.program),
            JailConfig.File(directory.machine, at: JailConfig.machine),
        ]
        let jail = JailConfig(root: directory.jail, files: files, user: VMUser.id(for: id))
        try lay(jail)
        try Files.overwrite(directory.machine, with: [UInt8]("\(reason)\n".utf8))
        return jail.adapt(document)
    }

    /// Ids are unique in an engine, or a namespace of containerd's, and there may be several. Throws where one that runs has it.
    public func checkID() throws {
        guard directory.exists, try ListedVM.isRunning(id) else { return }
        throw Failure(.cannotCreate, "\(directory.path): a VM of this id runs already; give the container another")
    }

    /// Whether a hook has adapted the bundle already.
    public func isAdapted() throws -> Bool {
        let path = "\(bundle)/config.json"
        guard Files.exists(path) else { return false }
        return ContainerRequest(try OCIConfig(document: JSONValue(parsing: Files.read(path), subject: path))).isAdapted
    }

    /// Rewrites the bundle's config.json. Returns what puts the engine's own back. Undoes itself where it fails.
    @discardableResult
    public func adaptInPlace() throws -> () throws -> Void {
        let path = "\(bundle)/config.json"
        guard Files.exists(bundle) else { throw Failure(.missingInput, "bundle \(bundle): no such folder") }
        guard Files.exists(path) else {
            throw Failure(.missingInput, "\(path): no such file; a bundle holds a config.json")
        }
        let text = try Files.read(path)
        let original = try JSONValue(parsing: text, subject: path)
        return try Journal.run { _ in
            let adapted = try adapt(original)
            if adapted == original { return {} }
            let mode = Files.mode(path) ?? 0o600
            try Files.replace(path, with: try adapted.serialized(), mode: mode)
            return { try Files.replace(path, with: text, mode: mode) }
        }
    }

    /// No entry, or one that leads to this process's own network namespace (network_namespaces(7)).
    static func usesHostNetwork(_ config: OCIConfig) -> Bool {
        guard let entry = config.linux?.namespaces?.last(where: { $0.type == "network" }) else { return true }
        guard let path = entry.path else { return false }
        var theirs = stat()
        var ours = stat()
        guard stat(path, &theirs) == 0, stat("/proc/self/ns/net", &ours) == 0 else { return false }
        return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino
    }

    /// For the user of its own that the VMM gets, and the mount that shows an image's layers as one.
    private func checkPrivilege() throws {
        for name in ["CAP_CHOWN", "CAP_SYS_ADMIN"] where !CapabilitySets.hasEffective(name) {
            throw Failure(.privilege, "needs \(name) to make the VM's root and jail; run as root")
        }
    }

    /// root of a user namespace of one's own (user_namespaces(7)) may make no disk nodes, images and users for VMMs.
    static func checkRoot(uidMap: String) throws {
        let ids = uidMap.split(whereSeparator: \.isWhitespace)
        guard ids == ["0", "0", "4294967295"] else {
            throw Failure(.privilege, "a rootless engine is not supported; run it as root, as in sudo podman run …")
        }
    }

    private func files(_ config: OCIConfig) throws -> [JailConfig.File] {
        var files = [
            JailConfig.File(installation.program, at: JailConfig.program),
            JailConfig.File(try installation.firecracker(), at: JailConfig.firecracker),
            JailConfig.File(try installation.kernel(), at: JailConfig.kernel),
            JailConfig.File(try installation.initrd(), at: JailConfig.initrd),
            JailConfig.File(directory.machine, at: JailConfig.machine),
            JailConfig.File(directory.firecracker, at: JailConfig.firecrackerConfig),
            JailConfig.File(directory.guest, at: JailConfig.guest),
            JailConfig.File(directory.vm, at: JailConfig.directory, writable: true),
            JailConfig.File(try sshFolder(), at: JailConfig.ssh),
            JailConfig.File(try installation.busybox(), at: JailConfig.busybox),
        ]
        let root = try rootFolder(config)
        let request = ContainerRequest(config)
        if request.wantsSystemd { _ = try request.initProgram(in: root) }
        let images = RootImage(environment: environment)
        let storage: String
        if let overlay = try OverlayMount(at: root, mountinfo: Files.readText("/proc/self/mountinfo"))?.resolved(
            root: root),
            let upper = overlay.upper, let home = Files.parent(of: upper)
        {
            // Beside the container's own layer: the engine removes that folder with the container.
            storage = home
            files.append(
                JailConfig.File(
                    try ImageCache(environment: environment).image(of: overlay.image(root: root)), at: JailConfig.image)
            )
            if try !Files.list(upper).isEmpty {
                let changes = "\(storage)/runcvm-changes.erofs"
                try images.build(layers: [upper], to: changes)
                files.append(JailConfig.File(changes, at: JailConfig.changes))
            }
        } else {
            storage = directory.storage
            try Files.ensureDirectory(storage, mode: 0o700)
            let image = "\(storage)/image.erofs"
            try images.build(layers: [root], to: image)
            files.append(JailConfig.File(image, at: JailConfig.image))
        }
        let disk = "\(storage)/runcvm.ext4"
        try WritableDisk(environment: environment).ensure(
            at: disk, size: try diskSize(config), owner: VMUser.id(for: id))
        files.append(JailConfig.File(disk, at: JailConfig.disk, writable: true))
        return files
    }

    private func sshFolder() throws -> String {
        guard let folder = installation.sshFolder else {
            throw Failure(.unavailable, "\(installation.directory)/ssh: no OpenSSH client there; install runcvm again")
        }
        return folder
    }

    private func rootFolder(_ config: OCIConfig) throws -> String {
        guard let path = config.root?.path else { throw Failure.badInput("config.json.root.path", "missing") }
        let absolute = path.hasPrefix("/") ? path : "\(bundle)/\(path)"
        guard Files.exists(absolute) else {
            throw Failure(.missingInput, "config.json.root.path: \(absolute): no such folder")
        }
        return try OverlayMount.realPath(absolute)
    }

    /// In MiB: 10 GiB, or what RUNCVM_DISK_SIZE says.
    private func diskSize(_ config: OCIConfig) throws -> Int {
        guard let setting = ContainerRequest(config).setting("RUNCVM_DISK_SIZE") else { return 10240 }
        guard let size = MachineSize.parse(setting), size >= 16 else {
            throw Failure(.usage, "RUNCVM_DISK_SIZE=\(setting): not a size of at least 16M, like 2G")
        }
        return size
    }

    /// The folders and files that the jail's mounts cover, and those that the VMM's user owns.
    private func lay(_ jail: JailConfig) throws {
        for path in [directory.machine, directory.firecracker, directory.guest] {
            try Files.overwrite(path, with: [], mode: 0o400)
            try checked("chown", on: path) { Int(chown(path, jail.user, jail.user)) }
        }
        try Files.ensureDirectory(directory.vm, mode: 0o700)
        try checked("chown", on: directory.vm) { Int(chown(directory.vm, jail.user, jail.user)) }
        let folders = [JailConfig.directory, JailConfig.ssh]
        for folder in ["", "/proc", "/dev", "/bin", "/boot", "/etc"] + folders {
            try Files.ensureDirectory(directory.jail + folder, mode: 0o755)
        }
        // OpenSSH's client wants its user to have a name.
        let user = "vm:x:\(jail.user):\(jail.user)::/:/bin/runcvm\n"
        try Files.overwrite("\(directory.jail)/etc/passwd", with: [UInt8](user.utf8), mode: 0o444)
        for file in jail.files where !folders.contains(file.destination) {
            try Files.overwrite(directory.jail + file.destination, with: [], mode: 0o444)
        }
    }
}
