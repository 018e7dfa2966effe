/// The state that a runtime gives to its hooks on stdin, and prints for `state ID` (OCI runtime-spec, runtime.md: State).
public struct OCIState: Codable, Sendable {
    public var ociVersion: String?
    public var id: String
    public var status: String?
    /// Absent or 0 once the container has stopped.
    public var pid: Int?
    public var bundle: String?

    public init(id: String, status: String? = nil, pid: Int? = nil, bundle: String? = nil) {
        self.ociVersion = "1.0.2"
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
    }

    public init(parsing text: [UInt8], subject: String = "OCI state on stdin") throws {
        let document = try JSONValue(parsing: text, subject: subject)
        guard document.object != nil else { throw Failure.badInput(subject, "not an object") }
        self = try document.decoded(OCIState.self, at: "state")
        try ContainerID.validate(id, at: "state.id")
    }
}

/// A container's id: the name of a folder, so the same characters as runc takes.
public enum ContainerID {
    public static func validate(_ id: String, at path: String) throws {
        let allowed = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "_+.-".utf8.contains(byte)
        }
        guard allowed, (1...255).contains(id.utf8.count), id != ".", id != ".." else {
            throw Failure.badInput(path, "not a container's id (letters, digits, _ + . -)")
        }
    }
}
