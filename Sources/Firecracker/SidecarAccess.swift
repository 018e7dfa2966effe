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

    /// Of new key pairs what the guest must know, and the files, for the VMM's user.
    func make(owner: UInt32) -> (keys: SidecarKeys, files: [MachineFiles.File]) {
        let (client, host) = (SSHKeyPair(), SSHKeyPair())
        let hostKey = Data(host.dropbear).base64EncodedString()
        let files = [(key, client.openSSH), (knownHosts, "vm \(host.publicKey)\n")]
        return (
            SidecarKeys(hostKey: hostKey, authorizedKey: client.publicKey),
            files.map { MachineFiles.File(path: $0, text: [UInt8]($1.utf8), owner: owner) }
        )
    }

    /// OpenSSH's client (ssh(1)), run with our stdin, stdout and stderr, for a session of this command.
    ///
    /// It reads no configuration but this, and gets its connection from `runcvm vm-connect`, which it runs as its shell would.
    public func client(vsock: String, terminal: Bool, command: String) throws -> ChildProcess {
        var options = [
            "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=/dev/null", "HostKeyAlgorithms=ssh-ed25519",
            "HostKeyAlias=vm", "PreferredAuthentications=publickey", "UpdateHostKeys=no", "EscapeChar=none",
            "ControlPath=none", "LogLevel=ERROR", "ProxyUseFdpass=yes", "ConnectTimeout=300",
            // The fastest of those that both have: nobody can listen in.
            "KexAlgorithms=curve25519-sha256", "Ciphers=chacha20-poly1305@openssh.com",
        ]
        options.append("ProxyCommand=vm-connect \(vsock.replacing("%", with: "%%"))")
        var child = try installation.ssh(
            ["-F", "none", terminal ? "-tt" : "-T", "-i", key] + options.flatMap { ["-o", $0] } + ["root@vm", command])
        child.environment = ["SHELL=\(installation.program)", "TERM=dumb"]
        return child
    }
}
