import OCI

/// The document on the pipe. Each verb reads it, does one thing, adds its own key and writes it.
///
/// The whole document is kept as JSON, so that keys that no verb knows survive; the known keys are read as types.
///
/// | key         | written by   | read by                          |
/// |-------------|--------------|----------------------------------|
/// | `version`   | net-plan     | every verb: 1                    |
/// | `container` | net-plan     | every verb that enters its netns |
/// | `network`   | net-plan     | all that follow                  |
/// | `taps`      | tap-create   | tap-delete, fc-config            |
/// | `bridges`   | bridge-alias | bridge-restore                   |
/// | `nat`       | nat-enable   | nat-disable                      |
/// | `machine`   | fc-config    | fc-boot                          |
public struct VMState: Sendable {
    public static let version: Int64 = 1
    public private(set) var document: JSONValue

    /// Reads the text of a document. Throws `Failure.badInput` for anything but a document of this version.
    public init(parsing text: [UInt8], subject: String = "document on stdin") throws {
        try self.init(document: JSONValue(parsing: text, subject: subject), subject: subject)
    }

    public init(document: JSONValue, subject: String = "document") throws {
        guard document.object != nil else { throw Failure.badInput(subject, "not an object") }
        guard let version = document["version"] else {
            throw Failure.badInput("version", "missing; the pipe begins with runcvm net-plan")
        }
        guard version == .integer(Self.version) else {
            let found = (try? version.serialized()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
            throw Failure.badInput("version", "\(found) is not \(Self.version); all verbs must be of one runcvm")
        }
        self.document = document
    }

    public init(container: ContainerReference, network: NetworkPlan) throws {
        document = .object([
            "version": .integer(Self.version),
            "container": try JSONValue(encoding: container),
            "network": try JSONValue(encoding: network),
        ])
    }

    /// The document as one line of text, keys sorted, with a line feed.
    public func serialized() throws -> [UInt8] { try document.serialized() + [0x0a] }

    public func container() throws -> ContainerReference { try required("container") }

    public func network() throws -> NetworkPlan {
        let plan: NetworkPlan = try required("network")
        try plan.validate()
        return plan
    }

    /// What the planner and the verbs want the user to know.
    public var warnings: [String] { (document["network"]?["warnings"]?.array ?? []).compactMap(\.string) }

    public func taps() throws -> [TapRecord]? { try optional("taps") }
    public func bridges() throws -> [BridgeRecord]? { try optional("bridges") }
    public func nat() throws -> NATRecord? { try optional("nat") }
    public func machine() throws -> Machine? { try optional("machine") }

    /// This document with one key more, or with that key replaced.
    public func adding<T: Encodable>(_ key: String, _ value: T) throws -> VMState {
        var copy = self
        copy.document[key] = try JSONValue(encoding: value)
        return copy
    }

    /// This document with these among `network.warnings`, each once.
    public func warning(_ sentences: [String]) -> VMState {
        var copy = self
        var all = document["network"]?["warnings"]?.array ?? []
        for sentence in sentences.map(JSONValue.string) where !all.contains(sentence) { all.append(sentence) }
        copy.document["network"]?["warnings"] = .array(all)
        return copy
    }

    /// This document with these of its keys alone.
    public func keeping(_ keys: [String]) -> VMState {
        var copy = self
        copy.document = .object((document.object ?? [:]).filter { keys.contains($0.key) })
        return copy
    }

    public func removing(_ key: String) -> VMState {
        var copy = self
        copy.document[key] = nil
        return copy
    }

    private func optional<T: Decodable>(_ key: String) throws -> T? {
        try document[key].map { try $0.decoded(T.self, at: key) }
    }

    private func required<T: Decodable>(_ key: String) throws -> T {
        guard let value: T = try optional(key) else {
            throw Failure.badInput(key, "missing; the pipe begins with runcvm net-plan")
        }
        return value
    }
}

/// Whose namespaces the verbs enter.
public struct ContainerReference: Codable, Hashable, Sendable {
    /// The engine's id of the container, or a name that the administrator chose.
    public var id: String
    /// The container's first process, while it lives.
    public var pid: Int?
    /// The OCI bundle's folder.
    public var bundle: String?
    /// The network namespace: `/proc/PID/ns/net`, `/run/netns/NAME`.
    public var netns: String?
    /// The namespace's inode: a pid may belong to another process by the time of the undo.
    public var netnsInode: UInt64?

    public init(id: String, pid: Int? = nil, bundle: String? = nil, netns: String? = nil, netnsInode: UInt64? = nil) {
        self.id = id
        self.pid = pid
        self.bundle = bundle
        self.netns = netns
        self.netnsInode = netnsInode
    }
}

/// What tap-create made: a persistent tap that the VMM's user may open (tun(4)).
public struct TapRecord: Codable, Hashable, Sendable {
    public var name: String
    public var mtu: Int
    /// The user id that may open it.
    public var owner: UInt32

    public init(name: String, mtu: Int, owner: UInt32) {
        self.name = name
        self.mtu = mtu
        self.owner = owner
    }
}

/// What bridge-alias made: the container's interface and the tap joined, as ports of a bridge or by filters.
public struct BridgeRecord: Codable, Hashable, Sendable {
    /// The bridge's; absent where filters redirect every frame from one to the other.
    public var name: String?
    public var mac: MACAddress?
    /// The kernel's classifier that redirects, `matchall` or `u32`; absent for a bridge.
    public var classifier: String?
    /// The interface, the tap.
    public var ports: [String]
    public var alias: IPPrefix?
    /// The namespace's own way out by this bridge, where it has one.
    public var wayOut: WayOutRecord?

    public init(name: String, mac: MACAddress, ports: [String], alias: IPPrefix?) {
        self.name = name
        self.mac = mac
        self.ports = ports
        self.alias = alias
    }

    public init(classifier: String, ports: [String]) {
        self.classifier = classifier
        self.ports = ports
    }
}
