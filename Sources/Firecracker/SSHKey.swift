import FoundationEssentials

/// An Ed25519 key pair for SSH, in the forms of those who read it.
struct SSHKey {
    private static let type = Array("ssh-ed25519".utf8)
    private let seed: [UInt8]
    private let point: [UInt8]

    /// A new one.
    init() { self.init(seed: (0..<32).map { _ in UInt8.random(in: .min ... .max) }) }

    init(seed: [UInt8]) {
        self.seed = seed
        point = Ed25519.publicKey(seed: seed)
    }

    /// `ssh-ed25519 AAAA…` (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
    var publicKey: String { "ssh-ed25519 \(Data(publicBlob).base64EncodedString())" }

    /// The private key for Dropbear: the type's name, and seed and public key.
    var dropbear: [UInt8] { Self.string(Self.type) + Self.string(seed + point) }

    /// The private key as ssh-keygen(1) writes it (openssh/PROTOCOL.key), without a passphrase.
    var openSSH: String {
        // Two equal numbers, by which a wrong passphrase would be seen; the key; its comment; 1, 2, 3… up to the cipher's block.
        var secret = [UInt8](repeating: 0, count: 8) + publicBlob + Self.string(seed + point) + Self.string([])
        secret += (1...8).prefix((8 - secret.count % 8) % 8)
        let none = Self.string(Array("none".utf8))
        let file =
            Array("openssh-key-v1\0".utf8) + none + none + Self.string([]) + Self.number(1) + Self.string(publicBlob)
            + Self.string(secret)
        let text = Data(file).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
        return "-----BEGIN OPENSSH PRIVATE KEY-----\n\(text)\n-----END OPENSSH PRIVATE KEY-----\n"
    }

    private var publicBlob: [UInt8] { Self.string(Self.type) + Self.string(point) }

    /// Four bytes, the highest first (RFC 4251 5).
    private static func number(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    /// A length, and as many bytes.
    private static func string(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }
}
