import FoundationEssentials
import Glibc
import Linux
import OCI
import Plan

/// The host's half of the keys that open a guest's sidecar: files of mode 0600 beside the VM's sockets, made for each start.
///
///     ssh_key          the client's private key
///     ssh_known_hosts  the guest's public key, the only one that is believed
public struct SidecarAccess {
    private let directory: String
    private let installation: Installation
    private var key: String { "\(directory)/ssh_key" }
    private var knownHosts: String { "\(directory)/ssh_known_hosts" }

    /// `directory` is the VM's, `machine.directory`.
    public init(directory: String, installation: Installation) {
        self.directory = directory
        self.installation = installation
    }

    /// Makes both key pairs for the VMM's user. Returns what the guest must know.
    public func create(owner: UInt32) throws -> SidecarKeys {
        let host = "\(directory)/ssh_host_key"
        defer { for path in [host, "\(host).pub", "\(key).pub"] { unlink(path) } }
        let (authorized, _) = try generate(key)
        let (publicKey, privateKey) = try generate(host)
        try Files.overwrite(knownHosts, with: [UInt8]("vm \(publicKey)\n".utf8))
        for path in [key, knownHosts] { try checked("chown", on: path) { Int(chown(path, owner, owner)) } }
        return SidecarKeys(
            hostKey: Data(try OpenSSHKey.dropbear(privateKey)).base64EncodedString(), authorizedKey: authorized)
    }

    private func generate(_ path: String) throws -> (publicKey: String, privateKey: String) {
        for old in [path, "\(path).pub"] { unlink(old) }
        let tool = try installation.ssh("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path])
        let outcome = try tool.run()
        guard outcome.status == 0 else { throw Failure(.unavailable, "ssh-keygen \(path): \(outcome.reason)") }
        let words = try Files.readText("\(path).pub").split { $0 == " " || $0 == "\n" }.prefix(2)
        return (words.joined(separator: " "), try Files.readText(path))
    }

    /// OpenSSH's client (ssh(1)), run with our stdin, stdout and stderr, for a session of this command.
    ///
    /// It reads no configuration but this, and gets its connection from `runcvm vm-connect`, which it runs as its shell would.
    public func client(vsock: String, terminal: Bool, command: String) throws -> ChildProcess {
        var options = [
            "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=/dev/null", "HostKeyAlgorithms=ssh-ed25519",
            "HostKeyAlias=vm", "PreferredAuthentications=publickey", "UpdateHostKeys=no", "EscapeChar=none",
            "ControlPath=none", "LogLevel=ERROR", "ProxyUseFdpass=yes",
            // The fastest of those that both have: nobody can listen in.
            "KexAlgorithms=curve25519-sha256", "Ciphers=chacha20-poly1305@openssh.com",
        ]
        options.append("ProxyCommand=vm-connect \(vsock.replacing("%", with: "%%"))")
        var child = try installation.ssh(
            "ssh",
            ["-F", "none", terminal ? "-tt" : "-T", "-i", key] + options.flatMap { ["-o", $0] } + ["root@vm", command])
        child.environment = ["SHELL=\(installation.program)", "TERM=dumb"]
        return child
    }
}

/// A private key as ssh-keygen(1) writes it (openssh/PROTOCOL.key), without a passphrase.
enum OpenSSHKey {
    /// An Ed25519 key in Dropbear's format: the type's name, and seed and public key, each after its length.
    static func dropbear(_ text: String) throws -> [UInt8] {
        let base64 = text.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        var fields = Fields(bytes: Data(base64Encoded: base64).map { [UInt8]($0)[...] } ?? [])
        let magic = [UInt8]("openssh-key-v1\0".utf8)
        guard fields.bytes.starts(with: magic) else {
            throw Failure(.bug, "ssh-keygen: not a private key of OpenSSH's")
        }
        fields.bytes = fields.bytes.dropFirst(magic.count)
        // Cipher, its key's derivation and options, the number of keys, the public key.
        for _ in 0..<3 { _ = try fields.string() }
        fields.bytes = fields.bytes.dropFirst(4)
        _ = try fields.string()
        var secret = Fields(bytes: try fields.string())
        // Two equal numbers, the type, the public key, seed and public key.
        secret.bytes = secret.bytes.dropFirst(8)
        let type = try secret.string()
        _ = try secret.string()
        let pair = try secret.string()
        guard type.elementsEqual("ssh-ed25519".utf8), pair.count == 64 else {
            throw Failure(.bug, "ssh-keygen: not an Ed25519 key")
        }
        return [type, pair].flatMap { [0, 0, 0, UInt8($0.count)] + $0 }
    }

    private struct Fields {
        var bytes: ArraySlice<UInt8>

        /// A length of four bytes, and as many bytes (RFC 4251 5).
        mutating func string() throws -> ArraySlice<UInt8> {
            let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard bytes.count >= 4 + length else { throw Failure(.bug, "ssh-keygen: a key that is cut off") }
            defer { bytes = bytes.dropFirst(4 + length) }
            return bytes.dropFirst(4).prefix(length)
        }
    }
}
