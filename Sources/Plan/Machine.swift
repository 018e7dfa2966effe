/// The virtual machine as fc-config laid it out: key `machine` of the document, fc-boot's input.
public struct Machine: Codable, Hashable, Sendable {
    /// Firecracker's name for the VM: letters, digits and `-`, at most 64.
    public var id: String
    public var vcpus: Int
    /// Guest RAM in MiB.
    public var memory: Int
    /// Firecracker's configuration file.
    public var config: String
    /// The Firecracker program.
    public var firecracker: String
    /// The folder for sockets and the console's log; fc-boot may write there.
    public var directory: String
    /// The process has a terminal.
    public var terminal: Bool
    /// The name servers that fc-boot may ask for the guest, in the order of guest.json's `relay`; absent: none.
    public var relay: [IPAddress]?

    public init(
        id: String, vcpus: Int, memory: Int, config: String, firecracker: String, directory: String, terminal: Bool,
        relay: [IPAddress]? = nil
    ) {
        self.id = id
        self.vcpus = vcpus
        self.memory = memory
        self.config = config
        self.firecracker = firecracker
        self.directory = directory
        self.terminal = terminal
        self.relay = relay
    }

    /// The Unix socket at which Firecracker's vsock device listens; guest ports are `PATH_PORT`.
    public var vsock: String { "\(directory)/v.sock" }
    public var consoleLog: String { "\(directory)/console.log" }
}
