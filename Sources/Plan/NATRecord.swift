/// What nat-enable did: key `nat` of the document. The undo needs none of it but the container's id.
public struct NATRecord: Codable, Hashable, Sendable {
    /// The comment that every rule carries, and by which nat-disable finds it.
    public var comment: String
    /// As in `network.host.firewall`.
    public var firewall: String
    /// The chains that accept the VM's traffic first: `DOCKER-USER`, `FORWARD`, or for nft `inet filter forward`.
    public var forwardChains: [String]
    /// net.ipv4.ip_forward was 0, and is 1 for this VM's sake and others'.
    public var setIPForward: Bool

    public init(comment: String, firewall: String, forwardChains: [String], setIPForward: Bool) {
        self.comment = comment
        self.firewall = firewall
        self.forwardChains = forwardChains
        self.setIPForward = setIPForward
    }

    /// `runcvm:ID`; an id that is longer than the 128 bytes of an nft comment stands there as its digest.
    public static func comment(for id: String) -> String {
        "runcvm:" + (id.utf8.count <= 120 ? id : digest(id))
    }

    /// The name of the nft table of one VM.
    public static func table(for id: String) -> String { "runcvm-\(digest(id))" }

    private static func digest(_ id: String) -> String { String(Digest.fnv1a64(id.utf8), radix: 16) }
}
