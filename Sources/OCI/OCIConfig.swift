/// The parts of a bundle's config.json that a virtual machine needs (OCI runtime-spec, config.md).
public struct OCIConfig: Decodable, Sendable {
    public var process: OCIProcess?
    public var root: OCIRoot?
    public var hostname: String?
    public var domainname: String?
    public var mounts: [OCIMount]?
    public var annotations: [String: String]?
    public var linux: OCILinux?

    /// Reads config.json's text. Throws `Failure.badInput` with the JSON path.
    public init(document: JSONValue) throws {
        self = try document.decoded(OCIConfig.self, at: "config.json")
    }

    /// The path of the network namespace that the container joins; nil where it gets a new one, or the host's.
    public var networkNamespace: String? { linux?.namespaces?.last { $0.type == "network" }?.path }

    /// The container's id, which config.json tells only as engines name its control group after it: `/docker/ID`,
    /// `machine.slice:libpod:ID`, `/libpod_parent/libpod-ID`.
    public var containerID: String? {
        guard let last = linux?.cgroupsPath?.split(whereSeparator: { "/:".contains($0) }).last else { return nil }
        let prefix = ["libpod-payload-", "libpod-"].first { last.hasPrefix($0) } ?? ""
        return String(last.dropFirst(prefix.count))
    }
}

public struct OCIRoot: Codable, Hashable, Sendable {
    /// Absolute, or relative to the bundle.
    public var path: String
    public var readonly: Bool?
}

/// A process (config-linux.md: process), also the whole of exec's process.json.
public struct OCIProcess: Codable, Hashable, Sendable {
    public var terminal: Bool?
    public var consoleSize: OCIConsoleSize?
    public var user: OCIUser?
    public var args: [String]?
    public var env: [String]?
    public var cwd: String
    public var capabilities: OCICapabilities?
    public var rlimits: [OCIRlimit]?
    public var noNewPrivileges: Bool?
    public var oomScoreAdj: Int?

    /// For a process that gets no other.
    public static let defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    public init(
        args: [String], env: [String] = [], cwd: String = "/", user: OCIUser? = nil, terminal: Bool? = nil,
        capabilities: OCICapabilities? = nil
    ) {
        self.args = args
        self.env = env
        self.cwd = cwd
        self.user = user
        self.terminal = terminal
        self.capabilities = capabilities
    }
}

public struct OCIConsoleSize: Codable, Hashable, Sendable {
    public var height: UInt16
    public var width: UInt16
}

public struct OCIUser: Codable, Hashable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    public var umask: UInt32?
    public var additionalGids: [UInt32]?

    public init(uid: UInt32, gid: UInt32, additionalGids: [UInt32]? = nil) {
        self.uid = uid
        self.gid = gid
        self.additionalGids = additionalGids
    }
}

/// Names like `CAP_NET_ADMIN` (capabilities(7)).
public struct OCICapabilities: Codable, Hashable, Sendable {
    public var bounding: [String]?
    public var effective: [String]?
    public var inheritable: [String]?
    public var permitted: [String]?
    public var ambient: [String]?
}

public struct OCIRlimit: Codable, Hashable, Sendable {
    /// As in `RLIMIT_NOFILE` (getrlimit(2)).
    public var type: String
    public var hard: UInt64
    public var soft: UInt64

    public init(type: String, hard: UInt64, soft: UInt64) {
        self.type = type
        self.hard = hard
        self.soft = soft
    }
}

public struct OCIMount: Codable, Hashable, Sendable {
    public var destination: String
    public var type: String?
    public var source: String?
    /// As for mount(8): `nosuid`, `rbind`, `size=65536k` …
    public var options: [String]?

    public init(destination: String, type: String?, source: String?, options: [String]?) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }

    public var isBind: Bool { type == "bind" || (options ?? []).contains { $0 == "bind" || $0 == "rbind" } }
}

public struct OCILinux: Decodable, Sendable {
    public var namespaces: [OCINamespace]?
    public var resources: OCIResources?
    public var maskedPaths: [String]?
    public var readonlyPaths: [String]?
    public var sysctl: [String: String]?
    public var cgroupsPath: String?
}

public struct OCINamespace: Codable, Hashable, Sendable {
    /// `network`, `pid`, `mount`, `ipc`, `uts`, `user`, `cgroup`, `time`.
    public var type: String
    /// An existing namespace to join; absent: a new one.
    public var path: String?
}

public struct OCIResources: Decodable, Sendable {
    public struct Memory: Decodable, Sendable { public var limit: Int64? }
    public struct CPU: Decodable, Sendable {
        public var quota: Int64?
        public var period: UInt64?
        public var cpus: String?
    }
    public struct PIDs: Decodable, Sendable { public var limit: Int? }
    public var memory: Memory?
    public var cpu: CPU?
    public var pids: PIDs?
}
