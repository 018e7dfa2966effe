import CLinux
import FoundationEssentials
import Glibc
import Linux
import OCI
import Plan

/// The root file system as the image's process sees it. Made in the process's own mount namespace, as its first act;
/// the order is runc's (libcontainer/rootfs_linux.go).
struct ContainerRoot {
    let document: GuestDocument
    /// Mounts of the files that the engine gives, each with its target: taken along into the new root.
    let files: [(mount: Descriptor, target: String)]

    /// Where init keeps the engine's files, so that they never reach the disk: at their paths.
    private static let folder = "/run/runcvm/files"
    /// We ourselves, in the initramfs.
    private static let program = "/init"

    /// The engine's files by their paths in the image.
    private static func texts(_ document: GuestDocument) -> [String: String] {
        [
            "/etc/hosts": document.hosts, "/etc/resolv.conf": document.resolvConf,
            "/etc/hostname": document.hostname.map { "\($0)\n" },
        ].compactMapValues(\.self)
    }

    /// Writes /etc/hosts and the like into a tmpfs of init's.
    static func writeFiles(_ document: GuestDocument) throws {
        func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
            try Files.parent(of: folder + path).map { try Files.ensureDirectory($0) }
            try Files.overwrite(folder + path, with: bytes, mode: mode)
        }
        for (path, text) in texts(document) { try write(path, Array(text.utf8), mode: 0o644) }
        for file in document.files ?? [] {
            guard let bytes = Data(base64Encoded: file.contents) else {
                throw StartFailure("guest.json.files: \(file.path): not base64")
            }
            try write(file.path, Array(bytes), mode: mode_t(file.mode))
        }
    }

    /// All but what makes the root read-only. Modes are exact: the umask must be 0.
    func populate() throws {
        for mount in document.mounts { try perform(mount) }
        for file in files { try attach(file.mount, to: file.target) }
        if document.dockerFiles == true { try layDockerFiles() }
        if let plan = document.systemd { try SystemdUnit.lay(plan, document) }
        try SystemControl.apply(document.sysctl)
    }

    /// The last steps: readonlyPaths, maskedPaths, and the root itself.
    func protect() throws {
        for path in document.readonlyPaths where Files.exists(path) {
            try FileSystem.bind(path, to: path, recursive: true)
            try FileSystem.makeReadOnly(path)
        }
        for path in document.maskedPaths { try mask(path) }
        if document.root.readonly {
            for file in files where file.mount.name != Self.program { try FileSystem.makeReadOnly(file.target) }
            try FileSystem.makeReadOnly("/")
        }
        for file in files where file.mount.name == Self.program { try FileSystem.makeReadOnly(file.target) }
    }

    private func perform(_ mount: OCIMount) throws {
        let options = MountOptions(mount.options ?? [])
        var type = mount.type ?? "none"
        var data = options.data
        if type == "cgroup" {
            // The guest's kernel has version 2 only, which takes none of version 1's options.
            type = "cgroup2"
            data = ""
        }
        let target = try ImagePath.ensureDirectory(mount.destination)
        try FileSystem.mount(type, at: target, from: mount.source, options.flags, data: data)
        for flags in options.propagation { try FileSystem.setPropagation(flags, of: target) }
        if mount.destination == "/dev", type == "tmpfs" { try DeviceFolder.fill() }
    }

    /// Puts a file of the engine's over the image's, or over what that leads to.
    private func attach(_ mount: Descriptor, to target: String) throws {
        let path = try ImagePath.ensureFile(target)
        try check(linux_attach_mount(mount.raw, path), "move_mount \(mount.name)", on: target)
    }

    /// By which programs know a container; and /etc/mtab, where the image has none.
    private func layDockerFiles() throws {
        try ImagePath.ensureFile("/.dockerenv", mode: 0o755)
        try ImagePath.ensureDirectory("/etc")
        if symlink("/proc/mounts", "/etc/mtab") != 0, errno != EEXIST {
            throw SystemError("symlink", on: "/etc/mtab", .current)
        }
    }

    /// Hides a file behind /dev/null, a folder behind an empty one. What is not there needs no mask.
    private func mask(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            try FileSystem.mount("tmpfs", at: path, LINUX_MS_RDONLY)
        } else {
            try FileSystem.bind("/dev/null", to: path)
        }
    }
}

extension ContainerRoot {
    /// Enters a new mount namespace and the image's root in it. Nothing that happens here is seen by init.
    init(entering document: GuestDocument) throws {
        try check(linux_unshare(LINUX_CLONE_NEWNS), "unshare", on: "mount namespace")
        try FileSystem.setPropagation(LINUX_MS_PRIVATE | LINUX_MS_REC, of: "/")
        let paths = Self.texts(document).keys + (document.files ?? []).map(\.path)
        var sources = paths.map { (Self.folder + $0, $0) }
        if let target = document.engineInit { sources.append((Self.program, target)) }
        if document.systemd?.command != nil { sources.append((Self.program, SystemdUnit.program)) }
        let files = try sources.map { source, target in
            let mount = try check(linux_clone_mount(source), "open_tree", on: source)
            return (Descriptor(owning: mount, name: source), target)
        }
        // An initramfs cannot be left with pivot_root(2): the new root is moved over it (switch_root(8)).
        try checked("chdir", on: GuestDisks.root) { Int(chdir(GuestDisks.root)) }
        try check(linux_mount(".", "/", nil, LINUX_MS_MOVE, nil), "mount --move", on: GuestDisks.root)
        try checked("chroot", on: GuestDisks.root) { Int(chroot(".")) }
        try checked("chdir", on: "/") { Int(chdir("/")) }
        self.init(document: document, files: files)
    }
}

/// /dev as the runtime-spec wants it (config-linux.md: default devices, dev symbolic links).
enum DeviceFolder {
    static let nodes: [(name: String, major: UInt32, minor: UInt32)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]
    static let links = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
    ]

    /// Into the empty /dev.
    static func fill() throws {
        for node in nodes {
            let path = "/dev/\(node.name)"
            try check(linux_mknod(path, S_IFCHR | 0o666, node.major, node.minor), "mknod", on: path)
        }
        for (name, target) in links {
            try checked("symlink", on: "/dev/\(name)") { Int(symlink(target, "/dev/\(name)")) }
        }
    }

    /// Makes the terminal at `path` (/dev/pts/0) the console.
    static func bindConsole(_ path: String) throws {
        try FileSystem.bind(path, to: try ImagePath.ensureFile("/dev/console", mode: 0o600))
    }
}
