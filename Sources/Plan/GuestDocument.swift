import OCI

/// guest.json: what the guest's init makes of the machine. fc-config writes it, guest-init reads it from a raw drive.
public struct GuestDocument: Codable, Hashable, Sendable {
    public var version: Int
    public var hostname: String?
    public var domainname: String?
    /// The contents of /etc/hosts; absent: the image's own.
    public var hosts: String?
    /// The contents of /etc/resolv.conf; absent: the image's own.
    public var resolvConf: String?
    /// Name servers on loopback addresses of the container's namespace, at which the guest's init listens for it; absent: none.
    public var relay: [IPAddress]?
    public var nics: [NIC]
    public var root: GuestRoot
    /// In config.json's order. Only what the guest's kernel makes by itself: proc, sysfs, tmpfs, devpts, mqueue, cgroup.
    public var mounts: [OCIMount]
    public var maskedPaths: [String]
    public var readonlyPaths: [String]
    /// Paths under /proc/sys with dots, as in `net.ipv4.ip_unprivileged_port_start`.
    public var sysctl: [String: String]
    public var process: OCIProcess
    /// More files that the engine gives; absent: none.
    public var files: [GuestFile]?
    /// Where the engine wants its own init, which `process.args` then begin with (`/sbin/docker-init`): the guest's init lays
    /// its own program there, which is one too (docker-init). Absent: nowhere.
    public var engineInit: String?
    /// True: what Docker lays over each image is made, /.dockerenv and /etc/mtab.
    public var dockerFiles: Bool?
    /// The image's init, which `process` is then, gets the whole machine; absent: `process` is the container's own.
    public var systemd: SystemdPlan?
    /// How many processes there may be; absent: any number.
    public var pidsLimit: Int?
    /// How the host gets in beside the process, as `docker exec` does; absent: not at all.
    public var sidecar: SidecarKeys?

    /// Whether the container's command has a terminal, or pipes.
    public var wantsTerminal: Bool { (systemd?.command ?? process).terminal ?? false }

    public init(
        hostname: String?, domainname: String?, hosts: String?, resolvConf: String?, relay: [IPAddress]?,
        nics: [NIC], root: GuestRoot, mounts: [OCIMount], maskedPaths: [String], readonlyPaths: [String],
        sysctl: [String: String],
        process: OCIProcess
    ) {
        version = 1
        self.hostname = hostname
        self.domainname = domainname
        self.hosts = hosts
        self.resolvConf = resolvConf
        self.relay = relay
        self.nics = nics
        self.root = root
        self.mounts = mounts
        self.maskedPaths = maskedPaths
        self.readonlyPaths = readonlyPaths
        self.sysctl = sysctl
        self.process = process
    }
}

/// A file of the engine's in the guest.
public struct GuestFile: Codable, Hashable, Sendable {
    public var path: String
    /// In base64.
    public var contents: String
    /// The permission bits.
    public var mode: UInt32

    public init(path: String, contents: String, mode: UInt32) {
        self.path = path
        self.contents = contents
        self.mode = mode
    }
}

/// The block devices that make the guest's root.
public struct GuestRoot: Codable, Hashable, Sendable {
    /// Read-only file systems, the topmost first (`/dev/vdX`, erofs); none where `disk` is the whole root.
    public var layers: [String]
    /// The writable ext4 disk: overlayfs' upper layer, or the root itself where there are no layers.
    public var disk: String
    /// The container's root is read-only.
    public var readonly: Bool

    public init(layers: [String], disk: String, readonly: Bool) {
        self.layers = layers
        self.disk = disk
        self.readonly = readonly
    }
}

/// What the guest's SSH server is known by, and whom it lets in. Made for each start of a VM.
public struct SidecarKeys: Codable, Hashable, Sendable {
    /// Its private key in Dropbear's format, in base64.
    public var hostKey: String
    /// The one key that may log in: `ssh-ed25519 AAAA…`.
    public var authorizedKey: String

    public init(hostKey: String, authorizedKey: String) {
        self.hostKey = hostKey
        self.authorizedKey = authorizedKey
    }
}
