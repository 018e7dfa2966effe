import OCI

/// From a container's config.json to that of its VMM's jail: a pure function.
///
/// The process becomes fc-boot, the root a folder of mount points; every field that is not named here survives.
public struct JailConfig {
    /// What the jail shows, and where it comes from.
    public struct File: Equatable, Sendable {
        public var source: String
        public var destination: String
        public var writable: Bool

        public init(_ source: String, at destination: String, writable: Bool = false) {
            self.source = source
            self.destination = destination
            self.writable = writable
        }
    }

    /// Marks a config.json that is adapted already.
    public static let annotation = "dev.runcvm.adapted"
    public static let program = "/bin/runcvm"
    public static let firecracker = "/bin/firecracker"
    public static let kernel = "/boot/vmlinux"
    public static let initrd = "/boot/initrd"
    public static let machine = "/machine.json"
    public static let firecrackerConfig = "/firecracker.json"
    public static let guest = "/guest.json"
    public static let directory = "/vm"
    public static let image = "/image.erofs"
    /// What the container's own layer holds beside the image, such as files from `docker cp`.
    public static let changes = "/changes.erofs"
    public static let disk = "/disk.ext4"
    /// For commands that shall run in the jail itself.
    public static let busybox = "/bin/busybox"
    /// OpenSSH's client, beside our program as in the installation.
    public static let ssh = "/bin/ssh"

    public var root: String
    public var files: [File]
    /// The VMM's uid and gid.
    public var user: UInt32

    public init(root: String, files: [File], user: UInt32) {
        self.root = root
        self.files = files
        self.user = user
    }

    public func adapt(_ config: JSONValue) -> JSONValue {
        var adapted = config
        adapted["root"] = ["path": .string(root), "readonly": true]
        adapted["process"] = Self.process(
            config["process"] ?? .object([:]), user: user, command: ["fc-boot", Self.machine])
        adapted["mounts"] = .array(mounts(config["mounts"]?.array ?? []))
        var linux = config["linux"] ?? .object([:])
        linux["devices"] = .array(Self.devices.map { node($0) })
        var resources = linux["resources"] ?? .object([:])
        resources["devices"] = .array((resources["devices"]?.array ?? []) + Self.devices.map(rule))
        linux["resources"] = resources
        adapted["linux"] = linux
        var annotations = config["annotations"] ?? .object([:])
        annotations[Self.annotation] = "1"
        adapted["annotations"] = annotations
        return adapted
    }

    /// A process.json's process, as it is, with a command of the jail's: BusyBox has the usual ones (busybox(1)).
    public static func process(_ original: JSONValue, inJail command: [String]) -> JSONValue {
        var process = original
        let isOwn = [program, busybox].contains("/bin/\(command.first ?? "")")
        process["args"] = .array(((isOwn ? [] : [busybox]) + command).map { .string($0) })
        let env = (process["env"]?.array ?? []).filter { $0.string?.hasPrefix("PATH=") != true }
        process["env"] = .array(["PATH=/bin"] + env)
        process["cwd"] = "/"
        return process
    }

    /// A process.json's process becomes a verb of ours as the VMM's user, with no capability and no way to gain one.
    public static func process(_ original: JSONValue, user: UInt32, command: [String]) -> JSONValue {
        var process = original
        process["args"] = .array(([Self.program] + command).map { .string($0) })
        process["env"] = ["PATH=/bin"]
        process["cwd"] = "/"
        process["user"] = ["uid": .integer(Int64(user)), "gid": .integer(Int64(user))]
        let sets = ["bounding", "effective", "inheritable", "permitted", "ambient"]
        process["capabilities"] = .object(Dictionary(uniqueKeysWithValues: sets.map { ($0, .array([])) }))
        process["noNewPrivileges"] = true
        process["rlimits"] = nil
        return process
    }

    /// What a process with a terminal needs of the original, and the files; all else is the guest's.
    private func mounts(_ original: [JSONValue]) -> [JSONValue] {
        let kept = ["/proc", "/dev", "/dev/pts"].map { destination in
            original.last { $0["destination"]?.string == destination && $0["type"]?.string != "bind" }
                ?? Self.defaultMount(at: destination)
        }
        let binds: [JSONValue] = files.map { file in
            [
                "destination": .string(file.destination), "type": "bind", "source": .string(file.source),
                "options": ["bind", file.writable ? "rw" : "ro", "nosuid", "nodev", "rprivate"],
            ]
        }
        return kept + binds
    }

    private static func defaultMount(at destination: String) -> JSONValue {
        switch destination {
        case "/proc":
            ["destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]]
        case "/dev":
            [
                "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            ]
        default:
            [
                "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            ]
        }
    }

    /// /dev/kvm and /dev/net/tun (Documentation/admin-guide/devices.txt).
    private static let devices: [(path: String, minor: Int64)] = [("/dev/kvm", 232), ("/dev/net/tun", 200)]

    private func node(_ device: (path: String, minor: Int64)) -> JSONValue {
        [
            "path": .string(device.path), "type": "c", "major": 10, "minor": .integer(device.minor), "fileMode": 0o600,
            "uid": .integer(Int64(user)), "gid": .integer(Int64(user)),
        ]
    }

    private func rule(_ device: (path: String, minor: Int64)) -> JSONValue {
        ["allow": true, "type": "c", "major": 10, "minor": .integer(device.minor), "access": "rw"]
    }
}
