import Glibc
import Linux
import OCI

/// Where runcvm's files are: beside the program itself, unless a variable names another place.
///
/// | file          | variable             |
/// |---------------|----------------------|
/// | `firecracker` | `RUNCVM_FIRECRACKER` (else PATH) |
/// | `vmlinux`     | `RUNCVM_KERNEL`      |
/// | `initrd`      | `RUNCVM_INITRD`      |
/// | `ssh/`        | – (else PATH's ssh)  |
/// | `busybox`     | –                    |
/// | `hooks/`      | –                    |
public struct Installation: Sendable {
    /// The static binary.
    public var program: String
    public var directory: String
    private var environment: [String: String]

    public init(environment: [String: String]) throws {
        guard let program = Files.readLink("/proc/self/exe"), let directory = Files.parent(of: program) else {
            throw Failure(.unavailable, "/proc/self/exe: not readable; /proc must be mounted")
        }
        self.program = program
        self.directory = directory
        self.environment = environment
    }

    public func firecracker() throws -> String {
        if let named = environment["RUNCVM_FIRECRACKER"] { return try executable(named, from: "RUNCVM_FIRECRACKER") }
        let own = "\(directory)/firecracker"
        if Files.isExecutable(own) { return own }
        if let found = Files.findProgram("firecracker", path: environment["PATH"] ?? "") { return found }
        throw Failure(
            .unavailable,
            "firecracker not found, neither \(own) nor on PATH; put the Firecracker release's program there")
    }

    /// A static one.
    public func busybox() throws -> String { try executable("\(directory)/busybox", from: nil) }

    public func kernel() throws -> String {
        try file(
            "vmlinux", variable: "RUNCVM_KERNEL",
            remedy: "put an uncompressed ELF kernel there, or name one with RUNCVM_KERNEL")
    }

    public func initrd() throws -> String {
        try file("initrd", variable: "RUNCVM_INITRD", remedy: "scripts/build makes it")
    }

    public func hook(_ name: String) throws -> String {
        try executable("\(directory)/hooks/\(name)", from: nil)
    }

    /// The folder of OpenSSH's client and its libraries; nil where the host's own is to be used.
    public var sshFolder: String? {
        let folder = "\(directory)/ssh"
        return Files.exists("\(folder)/ssh") ? folder : nil
    }

    /// OpenSSH's client, by the loader that came with it (ld.so(8)).
    public func ssh(_ arguments: [String]) throws -> ChildProcess {
        if let folder = sshFolder {
            guard let loader = try Files.list(folder).first(where: { $0.hasPrefix("ld-linux") }) else {
                throw Failure(.unavailable, "\(folder): its loader (ld-linux…) is missing; install runcvm again")
            }
            return ChildProcess(
                "\(folder)/\(loader)", ["--library-path", folder, "\(folder)/ssh"] + arguments)
        }
        if let found = Files.findProgram("ssh", path: environment["PATH"] ?? "") {
            return ChildProcess(found, arguments)
        }
        throw Failure(
            .unavailable,
            "ssh not found, neither \(directory)/ssh/ssh nor on PATH; apt-get install openssh-client")
    }

    private func file(_ name: String, variable: String, remedy: String) throws -> String {
        let path = environment[variable] ?? "\(directory)/\(name)"
        guard Files.exists(path) else { throw Failure(.unavailable, "guest \(name) not found at \(path); \(remedy)") }
        return path
    }

    private func executable(_ path: String, from variable: String?) throws -> String {
        guard Files.isExecutable(path) else {
            let origin = variable.map { " (from \($0))" } ?? ""
            throw Failure(.unavailable, "\(path)\(origin): no such program; install it or name another")
        }
        return path
    }
}
