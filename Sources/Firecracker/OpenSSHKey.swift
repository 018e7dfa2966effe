import FoundationEssentials
import OCI

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
