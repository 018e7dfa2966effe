import Crypto
import FoundationEssentials

/// A new Ed25519 key pair (RFC 8032), in the formats of both ends of a sidecar's session.
struct SSHKeyPair {
    private let key = Curve25519.Signing.PrivateKey()
    private var publicBytes: [UInt8] { [UInt8](key.publicKey.rawRepresentation) }
    /// Seed and public key, 64 bytes, as both programs keep it.
    private var secret: [UInt8] { [UInt8](key.rawRepresentation) + publicBytes }
    private var publicBlob: [UInt8] { Self.string(Self.type) + Self.string(publicBytes) }

    private static let type = [UInt8]("ssh-ed25519".utf8)

    /// `ssh-ed25519 AAAA…` (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
    var publicKey: String { "ssh-ed25519 \(Data(publicBlob).base64EncodedString())" }

    /// A host key in Dropbear's format (dropbearkey(1)).
    var dropbear: [UInt8] { Self.string(Self.type) + Self.string(secret) }

    /// The text of a client's key file (openssh/PROTOCOL.key), without a passphrase.
    var openSSH: String {
        let none = Self.string([UInt8]("none".utf8))
        // Two equal numbers, by which a passphrase would be checked; the key; its comment; 1, 2, 3… to whole blocks of 8.
        var section: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0] + publicBlob + Self.string(secret) + Self.string([])
        section += (0..<UInt8((8 - section.count % 8) % 8)).map { $0 + 1 }
        let file =
            [UInt8]("openssh-key-v1\0".utf8) + none + none + Self.string([]) + [0, 0, 0, 1]
            + Self.string(publicBlob) + Self.string(section)
        let base64 = Data(file).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN OPENSSH PRIVATE KEY-----\n\(base64)\n-----END OPENSSH PRIVATE KEY-----\n"
    }

    /// A length of four bytes, and as many bytes (RFC 4251 5).
    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { [UInt8]($0) } + bytes
    }
}
