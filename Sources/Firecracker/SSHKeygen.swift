import Glibc
import Linux
import OCI

/// Two Ed25519 key pairs that ssh-keygen(1) makes, side by side, while we do other things: most of its time is its libraries'.
///
/// They are made in a folder of mode 0700, `.keys.PID.new`, that `end` removes; Leftovers finds it where we were killed.
public final class SSHKeygen {
    struct KeyPair {
        /// `ssh-ed25519 AAAA…` (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
        let publicKey: String
        /// The text of a file (openssh/PROTOCOL.key).
        let privateKey: String
    }

    private let folder: String
    private var runs: [(key: String, process: ChildProcess.Running)] = []
    private var failure: (any Error)?

    /// Starts both. An error is for `pairs` to throw: who has no use for keys is not to hear of them.
    public init(in parent: String, installation: Installation) {
        folder = "\(parent)/.keys.\(getpid()).new"
        do {
            try Files.ensureDirectory(parent, mode: 0o700)
            try Files.deleteTree(folder)
            try checked("mkdir", on: folder) { Int(mkdir(folder, 0o700)) }
            for key in ["\(folder)/client", "\(folder)/host"] {
                let tool = try installation.ssh("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key])
                runs.append((key, try tool.start()))
            }
        } catch {
            failure = error
        }
    }

    /// Both, once they are made.
    func pairs() throws -> (client: KeyPair, host: KeyPair) {
        if let failure { throw failure }
        let client = try pair(runs[0].key, runs[0].process)
        return (client, try pair(runs[1].key, runs[1].process))
    }

    private func pair(_ key: String, _ process: ChildProcess.Running) throws -> KeyPair {
        let outcome = try process.outcome()
        guard outcome.status == 0 else { throw Failure(.unavailable, "ssh-keygen \(key): \(outcome.reason)") }
        let words = try Files.readText("\(key).pub").split { $0 == " " || $0 == "\n" }.prefix(2)
        return KeyPair(publicKey: words.joined(separator: " "), privateKey: try Files.readText(key))
    }

    /// Ends what still runs, and removes what was made.
    public func end() {
        for run in runs { run.process.kill() }
        runs = []
        try? Files.deleteTree(folder)  // What stays in our folder is Leftovers' to sweep.
    }
}
